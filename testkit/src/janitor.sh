# The janitor of one test process: janitor.rs says why.
# $1 is that process, $2 the folder of its scratch directories, stdin the pipe from it.
trap '' HUP INT TERM

# " 12  34 ": each child that lives, with a blank on both sides.
alive=
while read -r verb pid; do
    case $verb in
    born) alive="$alive $pid " ;;
    gone) alive="${alive%% $pid *}${alive#* $pid }" ;;
    esac
done

# The test process is no more. Until a moment ago it held the ids of these groups, so they are
# still theirs.
for pid in $alive; do
    kill -s KILL -- "-$pid"
done
# A killed process still ends the call it is in, which may create a file: wait, but 2 s at most.
tries=100
for pid in $alive; do
    while [ "$tries" -gt 0 ] && kill -s 0 -- "-$pid"; do
        tries=$((tries - 1))
        sleep 0.02
    done
done
# A segment whose sleepers are woken by System V semaphores names their key at byte 88.
for file in /dev/shm/annulus.test-"$1"-*; do
    [ -f "$file" ] || continue
    key=$(od -An -tu4 -j88 -N4 "$file" | tr -d ' ')
    [ "${key:-0}" = 0 ] || ipcrm -S "$key"
done
rm -f -- /dev/shm/annulus.test-"$1"-*
rm -rf -- "$2"/annulus-test-"$1"-*
