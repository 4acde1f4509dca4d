#!/bin/sh
# A network of two machines, and then none: one runs a server on two ports, the other asks both with curl. Once both streams
# are open the cable is cut. Run by `unshare`, so that the network is our own, and all of
# this ends with its first process:
#
#     unshare -rnpf --mount-proc --kill-child sh vanishing-clients.sh <command of the server...>
set -eu
address=10.9.0.1

unshare -n sleep 600 &
other=$!
until [ "$(readlink "/proc/$other/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done

ip link set lo up
ip link add cable type veth peer name other netns "$other"
ip addr add "$address/24" dev cable
ip link set cable up
nsenter -t "$other" -n sh -c 'ip addr add 10.9.0.2/24 dev other && ip link set other up'

for port in 8001 8002; do
  nsenter -t "$other" -n curl -sN --retry 60 --retry-connrefused --retry-delay 1 "http://$address:$port/" >/dev/null &
done
"$@" "$address" 8001 8002 | while read -r line; do
  echo "$line"
  case $line in
    *'1 open'*'1 open'*)
      nsenter -t "$other" -n ip link set other down
      echo 'the cable is cut' ;;
  esac
done
