#!/usr/bin/env bash
# Makes fixtures.tsv with the tools whose hashes we read. The tests need only the
# file; run this as root on Debian 12 to add a scheme:
#
#   apt-get install --no-install-recommends apache2-utils whois argon2 php-cli ruby-bcrypt \
#     python3-django python3-werkzeug python3-passlib python3-argon2 python3-bcrypt openssl xxd
#   export WERKZEUG3=DIR   # a directory that holds Werkzeug 3.1 and MarkupSafe
#   ./make.sh >fixtures.tsv
#
# Columns: source, scheme that the text shows, password, hash, salt (hex), declared
# scheme. Salts are random, so each run gives another file.
set -euo pipefail
cd "$(dirname "$0")"

# row SOURCE SCHEME PASSWORD HASH [SALT] [DECLARED]
row() { printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$4" "${5:-}" "${6:-}"; }

for password in 'correct horse' 'São João, 25 de março' "$(printf 'long%.0s' {1..30})"; do
	row "htpasswd -B" bcrypt "$password" "$(htpasswd -nbB -C 5 u "$password" | cut -d: -f2 | head -1)"
	row "htpasswd -m" apr1 "$password" "$(htpasswd -nbm u "$password" | cut -d: -f2 | head -1)"
	row "htpasswd -s" sha1 "$password" "$(htpasswd -nbs u "$password" | cut -d: -f2 | head -1)"
	row "htpasswd -2" sha256-crypt "$password" "$(htpasswd -nb2 -r 2000 u "$password" | cut -d: -f2 | head -1)"
	row "htpasswd -5" sha512-crypt "$password" "$(htpasswd -nb5 u "$password" | cut -d: -f2 | head -1)"
	row "mkpasswd md5crypt" md5-crypt "$password" "$(mkpasswd -m md5crypt "$password")"
	row "mkpasswd sha256crypt" sha256-crypt "$password" "$(mkpasswd -m sha256crypt "$password")"
	row "mkpasswd sha512crypt" sha512-crypt "$password" "$(mkpasswd -m sha512crypt -R 1000 "$password")"
	row "mkpasswd yescrypt" yescrypt "$password" "$(mkpasswd -m yescrypt "$password")"
	row "mkpasswd bcrypt-a" bcrypt "$password" "$(mkpasswd -m bcrypt-a -R 4 "$password")"
	row "openssl passwd -1" md5-crypt "$password" "$(openssl passwd -1 "$password")"
	row "openssl passwd -apr1" apr1 "$password" "$(openssl passwd -apr1 "$password")"
	row "openssl passwd -5" sha256-crypt "$password" "$(openssl passwd -5 "$password")"
	row "openssl passwd -6" sha512-crypt "$password" "$(openssl passwd -6 "$password")"
	for variant in i d id; do
		row "argon2 -$variant" "argon2$variant" "$password" \
			"$(printf '%s' "$password" | argon2 somesalt8 "-$variant" -t 3 -k 128 -p 2 -l 24 -e)"
	done
	for digest in md5 sha1 sha256 sha512; do
		salt=$(openssl rand -hex 16)
		binary() { printf '%s' "$salt" | xxd -r -p; }
		sum() { openssl dgst -"$digest" -r | cut -d' ' -f1; }
		row "openssl dgst" "$digest" "$password" "$(printf '%s' "$password" | sum)"
		row "openssl dgst" "$digest-salt-password" "$password" "$({ binary; printf '%s' "$password"; } | sum)" "$salt"
		row "openssl dgst" "$digest-salt-password" "$password" "$({ binary; printf '%s' "$password"; } | sum)" "$salt" "$digest-salt-password"
		row "openssl dgst" "$digest-password-salt" "$password" "$({ printf '%s' "$password"; binary; } | sum)" "$salt" "$digest-password-salt"
		row "openssl dgst -hmac" "$digest-hmac" "$password" \
			"$(printf '%s' "$password" | openssl dgst -"$digest" -mac HMAC -macopt "hexkey:$salt" -r | cut -d' ' -f1)" "$salt" "$digest-hmac"
	done
	row "ruby-bcrypt" bcrypt "$password" "$(ruby -rbcrypt -e 'print BCrypt::Password.create(ARGV[0], cost: 4)' "$password")"
	php make.php "$password"
	/usr/bin/python3 make.py "$password"
done
# The example of github.com/firebase/scrypt.
row "firebase/scrypt" firebase-scrypt user1password \
	'$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=='
