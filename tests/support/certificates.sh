#!/bin/sh
# Makes the keys and certificates that tests use, in the directory given: when
# the tests are built, so that no tree holds one that has expired.
set -eu
cd -- "$1"

# quietly COMMAND...: what it says only when it fails
quietly() {
    if ! "$@" >openssl.log 2>&1; then
        cat openssl.log >&2
        exit 1
    fi
}

# ec_key NAME
ec_key() {
    quietly openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"
}

# authority NAME SUBJECT
authority() {
    ec_key "$1"
    quietly openssl req -x509 -new -sha256 -key "$1.key" -subj "$2" \
        -days 3650 -addext 'keyUsage=critical,keyCertSign,cRLSign' -out "$1.pem"
}

# Before 3.4 a span of days may be negative; since then there are dates.
if openssl x509 -help 2>&1 | grep -q not_after; then
    over='-not_before 20200101000000Z -not_after 20210101000000Z'
else
    over='-days -1'
fi
lasting='-days 3650'

# certify NAME AUTHORITY SUBJECT WHEN EXTENSION...
certify() {
    name=$1
    by=$2
    subject=$3
    when=$4
    shift 4
    printf '%s\n' 'subjectKeyIdentifier=hash' "$@" >"$name.ext"
    quietly openssl req -new -utf8 -sha256 -key "$name.key" -subj "$subject" \
        -out "$name.csr"
    # shellcheck disable=SC2086 # two or four words
    quietly openssl x509 -req -sha256 -in "$name.csr" -CA "$by.pem" \
        -CAkey "$by.key" $when -set_serial "$(od -An -N6 -tu8 /dev/urandom |
            tr -d ' ')" -extfile "$name.ext" -out "$name.pem"
}

names=subjectAltName=DNS:mx.example.com,DNS:*.mail.example.com

authority ca '/O=Test/CN=Test CA'
authority other_ca '/O=Test/CN=Another CA'

# Of a server, with a key of each kind.
ec_key server
certify server ca '/CN=not-a-name.example.com' "$lasting" "$names"
quietly openssl genrsa -out rsa.key 2048
certify rsa ca '/CN=mx.example.com' "$lasting" "$names"

# For another name, one that only the common name tells, and one that stands
# behind an authority in between.
ec_key second
certify second ca '/CN=other.example.org' "$lasting" \
    subjectAltName=DNS:other.example.org
ec_key common
certify common ca '/O=Test/CN=cn.example.net' "$lasting"
ec_key between
certify between ca '/O=Test/CN=Between' "$lasting" basicConstraints=critical,CA:TRUE
ec_key leaf
certify leaf between '/CN=leaf.example.com' "$lasting" \
    subjectAltName=DNS:leaf.example.com
cat leaf.pem between.pem >chain.pem

# Of clients: good, with mail addresses, without a name, of an unknown authority,
# too old, with an odd name.
ec_key client
certify client ca '/C=DE/O=Acme, Inc./CN=client' "$lasting"
ec_key mailbox
certify mailbox ca '/O=Test/CN=Alice' "$lasting" \
    subjectAltName=DNS:alice.example.com,email:alice@example.com,email:a@b.example
ec_key nameless
certify nameless ca '/O=Test' "$lasting"
ec_key stranger
certify stranger other_ca '/CN=stranger' "$lasting"
ec_key expired
certify expired ca '/CN=expired' "$over"
ec_key odd
certify odd ca '/O=#1 \+ "Zoë" <x>;\\ /OU=a+CN= two =/CN=日本' "$lasting"

# Of this machine.
ec_key local
certify local ca '/CN=localhost' "$lasting" subjectAltName=DNS:localhost

# The server's key behind a password.
quietly openssl ec -in server.key -aes128 -passout pass:secret -out locked.key
rm -f ./*.csr ./*.ext openssl.log
