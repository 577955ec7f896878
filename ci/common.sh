# What every check begins with: the root of the repository, and how a check that cannot run here
# says so. Sourced as `. "$(dirname "$0")/common.sh"`.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The end of a check that cannot run on this machine, with the reason: seen, and counted by ci/test.
# Tests do the same through the testkit's `skip!`.
skip() {
    local line="SKIPPED: ci/$(basename "$0"): $1"
    echo "$line" >&2
    if [ -n "${ANNULUS_SKIPS-}" ]; then
        echo "$line" >>"$ANNULUS_SKIPS"
    fi
    exit 0
}

# Runs a test command and fails also when not one test passed: a check that cannot fail is none.
# `some_pass "loom model" cargo test …`
some_pass() {
    local what=$1 output count
    shift
    output=$(mktemp)
    # shellcheck disable=SC2064 # the name of now
    trap "rm -f '$output'" EXIT
    "$@" 2>&1 | tee "$output"
    count=$(awk '/^test result: ok\./ { sum += $4 } END { print sum + 0 }' "$output")
    if [ "$count" -eq 0 ]; then
        echo "not one $what ran" >&2
        exit 1
    fi
    echo "$what: $count passed"
}

# The keys of sets of System V semaphores that are of our making (0x41......) and that no segment in
# shared memory names, at byte 88 of its header: nobody needs them.
orphan_sets() {
    local file key sets named=' '
    # Before the names: a set is made only when its segment has one.
    sets=$(awk 'NR > 1 && $4 == 4 { print $1 }' /proc/sysvipc/sem 2> /dev/null)
    for file in /dev/shm/annulus.*; do
        [ -f "$file" ] || continue
        named+="$(od -An -tu4 -j88 -N4 "$file" 2> /dev/null | tr -d ' ') "
    done
    for key in $sets; do
        if [ $((key >> 24)) = 65 ] && [[ $named != *" $key "* ]]; then
            echo "$key"
        fi
    done
}
