#!/bin/sh
# Makes the keys of the tests of import anew, with the tools that people use.
# The passphrase is always "correct horse". The key files of one pair have one
# name up to the first dot.
set -eu
cd "$(dirname "$0")"
rm -f ./*.pem ./*.ssh ./*.sshpub
pass=pass:"correct horse"

openssl genrsa -traditional -out rsa.pkcs1.pem 2048
openssl pkcs8 -topk8 -nocrypt -in rsa.pkcs1.pem -out rsa.pkcs8.pem
openssl pkcs8 -topk8 -in rsa.pkcs1.pem -passout "$pass" -out rsa.encrypted.pem
openssl rsa -in rsa.pkcs1.pem -pubout -out rsa.pub.pem
openssl rsa -in rsa.pkcs1.pem -RSAPublicKey_out -out rsa.pkcs1pub.pem
openssl rsa -in rsa.pkcs1.pem -traditional -aes128 -passout "$pass" -out rsa.refused-legacy.pem
openssl req -x509 -new -key rsa.pkcs1.pem -subj /CN=test -out rsa.refused-certificate.pem

for curve in prime256v1 secp384r1 secp521r1; do
	openssl ecparam -genkey -name $curve -out $curve.sec1.pem # with EC PARAMETERS
	openssl pkcs8 -topk8 -nocrypt -in $curve.sec1.pem -out $curve.pkcs8.pem
	openssl pkcs8 -topk8 -v2 aes-192-cbc -v2prf hmacWithSHA1 -in $curve.sec1.pem -passout "$pass" -out $curve.encrypted.pem
	openssl ec -in $curve.sec1.pem -pubout -out $curve.pub.pem
done

openssl genpkey -algorithm ed25519 -out ed25519.pkcs8.pem
openssl pkey -in ed25519.pkcs8.pem -pubout -out ed25519.pub.pem
topk8() { openssl pkcs8 -topk8 -in ed25519.pkcs8.pem -passout "$pass" "$@"; }
topk8 -v2 aes-128-cbc -v2prf hmacWithSHA512 -iter 100000 -out ed25519.encrypted.pem
topk8 -v2 aes-256-cbc -v2prf hmacWithSHA384 -out ed25519.sha384.pem
topk8 -v2 aes-256-cbc -v2prf hmacWithSHA224 -out ed25519.sha224.pem
topk8 -v2 aes-256-cbc -iter 5000001 -out ed25519.refused-iterations.pem
topk8 -v2 des3 -out ed25519.refused-des.pem
topk8 -scrypt -out ed25519.refused-scrypt.pem
topk8 -v1 PBE-SHA1-3DES -out ed25519.refused-pbes1.pem

openssl genrsa -out weak.refused-rsa1024.pem 1024
openssl ecparam -genkey -noout -name secp224r1 -out weak.refused-p224.pem
openssl ecparam -genkey -noout -name secp256k1 -out weak.refused-secp256k1.pem
openssl genpkey -algorithm x25519 -out weak.refused-x25519.pem
openssl ecparam -genkey -noout -name prime192v1 -out weak.refused-p192.pem
openssl pkey -in weak.refused-secp256k1.pem -pubout -out weak.refused-secp256k1pub.pem
openssl ecparam -genkey -name brainpoolP384r1 | openssl pkcs8 -topk8 -nocrypt -out weak.refused-brainpool.pem
openssl pkcs8 -topk8 -v2 aes-256-cbc -in weak.refused-brainpool.pem -passout "$pass" -out weak.refused-brainpoolencrypted.pem
openssl genpkey -algorithm ed448 -out weak.refused-ed448.pem
openssl genpkey -algorithm x448 | openssl pkey -pubout -out weak.refused-x448.pem
openssl genpkey -algorithm rsa-pss -pkeyopt rsa_keygen_bits:2048 -out weak.refused-rsapss.pem

pair() { # name, passphrase, arguments
	name=$1 passphrase=$2
	shift 2
	ssh-keygen -q -N "$passphrase" -C somebody@example.org -f "$name" "$@"
	mv "$name" "$name.ssh"
	mv "$name.pub" "$name.sshpub"
}
pair sshed25519 "" -t ed25519
pair sshed25519pass "correct horse" -t ed25519
pair sshecdsa256 "correct horse" -t ecdsa -b 256
pair sshecdsa384 "" -t ecdsa -b 384
pair sshecdsa521 "correct horse" -t ecdsa -b 521 -Z aes256-cbc
pair sshrsa "correct horse" -t rsa -b 2048
pair sshrounds "correct horse" -t ed25519 -a 100
unread() { # name, cipher
	ssh-keygen -q -t ed25519 -Z "$2" -N "correct horse" -C somebody@example.org -f "$1"
	mv "$1" "$1.ssh"
	rm "$1.pub"
}
unread weak.refused-chacha chacha20-poly1305@openssh.com
unread weak.refused-aes128 aes128-ctr
chmod 644 ./*.ssh # git keeps no other mode
