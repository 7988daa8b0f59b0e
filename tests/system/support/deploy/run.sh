#!/bin/sh
# The first process of a container: it turns a signal into a line that the server reads.
if [ "$MODE" = exits ]; then
  echo "version $VERSION gives up" >&2
  exit 3
fi
mkfifo /orders
exec 3<>/orders
app serve <&3 &
server=$!
trap 'echo "$ON_TERM" >&3' TERM
# A signal ends the wait, not the server.
while kill -0 "$server" 2>/dev/null; do wait "$server"; done
