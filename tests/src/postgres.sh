# Runs a private PostgreSQL for as long as standard input stays open: when the test process ends, however it ends, the
# pipe closes, and the server goes with its data.
#   $1 directory of the binaries  $2 directory for the data  $3 port  $4 port of the server to follow, if any
# Reads commands, a line each, and answers each with a line: start, stop (at once, as in a crash).
bin=$1 dir=$2 port=$3 primary=$4

# Log files are used again instead of being made anew, as on a server that has run for a while.
start() {
    "$bin/postgres" -D "$dir/data" -p "$port" -c listen_addresses=127.0.0.1 -c unix_socket_directories="$dir" \
        -c max_connections=200 -c min_wal_size=1GB >>"$dir/log" 2>&1 </dev/null &
    pid=$!
}

stop() {
    kill -QUIT "$pid"
    wait "$pid"
}

# Everybody is let in, but for the user `guarded`, who has to give a password.
make() {
    "$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --no-sync || return 1
    sed -i '1i host all guarded 127.0.0.1/32 scram-sha-256' "$dir/data/pg_hba.conf"
}

copy() {
    "$bin/pg_basebackup" -h 127.0.0.1 -p "$primary" -U postgres -D "$dir/data" -R -X stream -c fast --no-sync
}

if [ -n "$primary" ]; then copy; else make; fi >"$dir/log" 2>&1 || exit 1
start
echo ready
while read -r command; do
    "$command"
    echo done
done
stop
rm -rf "$dir"
