#!/bin/sh
# Asks Sentinel for the license and prints the answer, one line of JSON. Needs socat.
set -eu
printf '{"method":"get_license"}\n' | socat -t 65 - "UNIX-CONNECT:$SENTINEL_IPC_SOCKET"
