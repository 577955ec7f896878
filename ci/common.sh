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
