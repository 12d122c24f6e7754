<?php
// Writes the rows that PHP makes; see make.sh.
$password = $argv[1];
function row($source, $scheme, $hash) {
	global $password;
	echo implode("\t", [$source, $scheme, $password, $hash, '', '']), "\n";
}
row('PHP password_hash', 'bcrypt', password_hash($password, PASSWORD_BCRYPT, ['cost' => 5]));
row('PHP password_hash', 'argon2i', password_hash($password, PASSWORD_ARGON2I, ['memory_cost' => 256, 'time_cost' => 2, 'threads' => 1]));
row('PHP password_hash', 'argon2id', password_hash($password, PASSWORD_ARGON2ID, ['memory_cost' => 256, 'time_cost' => 2, 'threads' => 1]));
// wp_hash_password of WordPress 6.8, wp-includes/pluggable.php.
row('WordPress 6.8', 'wordpress-bcrypt',
	'$wp' . password_hash(base64_encode(hash_hmac('sha384', trim($password), 'wp-sha384', true)), PASSWORD_BCRYPT, ['cost' => 5]));
row('PHP hash_pbkdf2, ASP.NET Identity 2', 'pbkdf2-sha1', identity2($password));
foreach (['sha1', 'sha256', 'sha512'] as $function => $name) {
	$salt = random_bytes(16);
	row('PHP hash_pbkdf2, ASP.NET Identity 3', "pbkdf2-$name",
		base64_encode("\x01" . pack('N3', $function, 10000, 16) . $salt . hash_pbkdf2($name, $password, $salt, 10000, 32, true)));
}
function identity2($password) {
	$salt = random_bytes(16);
	return base64_encode("\x00" . $salt . hash_pbkdf2('sha1', $password, $salt, 1000, 32, true));
}
