# Functions for scripts that install Debian packages. They are sourced.

# as_root runs a command as root, or fails if that needs a password.
as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# lock_patience is how long to wait for another apt-get, in seconds.
lock_patience=600

# apt_get ARGUMENT…: runs apt-get, and waits while another one holds a lock.
# DPkg::Lock::Timeout covers the locks of an installation, but not those of
# the package lists.
apt_get() {
	local log status waited=0
	log=$(mktemp)
	while true; do
		status=0
		as_root env LC_ALL=C DEBIAN_FRONTEND=noninteractive \
			apt-get -q -o "DPkg::Lock::Timeout=$lock_patience" "$@" 2>&1 | tee "$log" || status=$?
		if [ "$status" = 0 ] || [ "$waited" -ge "$lock_patience" ] || ! grep -Eq 'Could not get lock|Unable to lock' "$log"; then
			rm -f "$log"
			return "$status"
		fi
		echo "waiting for another apt-get" >&2
		sleep 5
		waited=$((waited + 5))
	done
}

# debian PACKAGE…: installs packages.
debian() {
	apt_get update && apt_get install -y --no-install-recommends "$@"
}
