#!/bin/sh
# Asks Sentinel for the license, checks it and prints it, one line of JSON. Needs socat and openssl.
set -eu
software_id=web
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# your org_public_key.pem
cat >"$folder/key" <<KEY
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEla9oy3WKaSea5YJoqIjKiheXWdPE
bFC6iFavK+6r6+HZzvjibzSUWOzXCAmyuCYDNyhupbU19+ex5OsF63J64w==
-----END PUBLIC KEY-----
KEY

fail() {
  echo "no license: $*" >&2
  exit 1
}

# decode TEXT: decodes base64url
decode() {
  text=$(printf %s "$1" | tr -- -_ +/)
  while [ $((${#text} % 4)) -ne 0 ]; do text=$text=; done
  printf %s "$text" | openssl base64 -d -A
}

# open_signed NAME: prints the payload of the signed object of that name in the answer
open_signed() {
  signed=${answer#*"\"$1\":{"}
  payload=${signed#*'"payload":"'} sig=${signed#*'"sig":"'}
  payload=${payload%%'"'*} sig=${sig%%'"'*}
  decode "$sig" >"$folder/sig"
  printf %s "$payload" |
    openssl dgst -sha256 -verify "$folder/key" -signature "$folder/sig" >"$folder/said" 2>&1 ||
    fail "not signed by the vendor"
  decode "$payload"
}

nonce=$(openssl rand -hex 16 | sed 's/\(.\{8\}\)\(.\{4\}\).\(...\).\(...\)/\1-\2-4\3-a\4-/')
request='{"method":"get_license","params":{"proof":true,"nonce":"'$nonce'"}}'
answer=$(printf '%s\n' "$request" | socat -t 65 - "UNIX-CONNECT:$SENTINEL_IPC_SOCKET")
license=$(open_signed envelope)
expiry_date=${license#*'"expiry_date":"'} expiry_date=${expiry_date%%'"'*}
today=$(date -u +%Y%m%d)
case $license in *'"software_id":"'$software_id'"'*) ;; *) fail "it is for another software" ;; esac
[ "$(printf %s "$expiry_date" | tr -d -)" -ge "$today" ] || fail "it has expired"
case $answer in
  *'"answer":{'*)
    license_key=${license#*'"license_key":"'} machine_id=${answer#*'"machine_id":"'}
    confirmed=$(open_signed answer)
    for field in '"request_nonce":"'"$nonce" '"status":"ACTIVE' \
      '"license_key":"'"${license_key%%'"'*}" '"machine_id":"'"${machine_id%%'"'*}"; do
      case $confirmed in *"$field"'"'*) ;; *) fail "the license server does not confirm it" ;; esac
    done
    ;;
  # how long to go on without an answer is your decision
  *) echo "the license server did not answer: ${answer##*'"reason":'}" >&2 ;;
esac
printf '%s\n' "$license"
