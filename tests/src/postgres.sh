# Runs a private PostgreSQL for as long as standard input stays open: when the test process ends, however it ends, the
# pipe closes, and the server goes with its data.
#   $1 directory of the binaries  $2 directory for the data  $3 port
# Reads commands, a line each, and answers each with a line: start, stop (at once, as in a crash).
bin=$1 dir=$2 port=$3

# Log files are used again instead of being made anew, as on a server that has run for a while.
start() {
    "$bin/postgres" -D "$dir/data" -p "$port" -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
        -c max_connections=200 -c min_wal_size=1GB >>"$dir/log" 2>&1 </dev/null &
    pid=$!
}

stop() {
    kill -QUIT "$pid"
    wait "$pid"
}

"$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --no-sync >"$dir/log" 2>&1 || exit 1
start
echo ready
while read -r command; do
    "$command"
    echo done
done
stop
rm -rf "$dir"
