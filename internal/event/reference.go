package event

//go:generate go test . -run ^TestGenerated -update

// Description describes a type of event for readers of the log and receivers of
// webhooks.
type Description struct {
	Type Type
	// When says what happened, in one sentence.
	When string
	// Names lists which of account, session, client and key the event names. A
	// name in brackets is there only when it is known.
	Names string
	// Reason says what Reason holds; empty if there is none.
	Reason string
	// Detail is what each member of Detail holds, by name.
	Detail map[string]string
}

const problemCode = "the code of the problem that was answered (problems.md)"

// Reference describes every type of event, in the order of [Types].
func Reference() []Description {
	return []Description{
		{AccountCreated, "An account was created.", "account", "`import` if it came from another system", nil},
		{AccountDisabled, "An administrator disabled an account. Its sessions ended in the same step.", "account", "", nil},
		{AccountEnabled, "An administrator enabled a disabled account again.", "account", "", nil},
		{AccountDeleted, "An account was deleted. Its sessions ended in the same step.", "account", "", nil},
		{AccountChanged, "The attributes of an account were changed. Access tokens from before are outdated, and clients refresh them.", "account", "`attributes`", nil},
		{AccountLinked, "An account of another identity provider was linked to an account.", "account", "", upstream()},
		{AccountUnlinked, "The link to an account of another identity provider was removed.", "account", "", upstream()},
		{PasswordChanged, "A password was changed or set. The other sessions of the account ended in the same step.", "account, (session)", "", nil},
		{CredentialAdded, "A further credential of an account was added.", "account", "", credential()},
		{CredentialChanged, "A credential other than the password was replaced.", "account", "", credential()},
		{CredentialRemoved, "A credential was removed.", "account", "", credential()},
		{LoginSucceeded, "Somebody signed in.", "account, session, client", "", map[string]string{"method": "how: `pwd` for a password"}},
		{LoginFailed, "A password was refused. What was typed is never recorded.", "(account), (session), (client)",
			"`unknown_account`, `wrong_password` or `account_disabled`", nil},
		{LoginSuspended, "So many passwords were refused at an account that strangers must wait for `guard_strangers_suspended` or longer. " +
			"Devices that have signed in before do not wait. It is also written for a name that has no account.", "(account), (client)",
			"`too_many_failures`", map[string]string{"wait": "how long strangers must wait"}},
		{GuardCleared, "An administrator cleared the failed attempts at an account or from an address.", "(account)", "", map[string]string{"address": "the address, if it is one"}},
		{DevicesForgotten, "The device tokens of an account were ended. Its devices are strangers at their next sign-in.", "account", "", nil},
		{SessionStarted, "A session began.", "account, session, client", "", parent()},
		{SessionEnded, "A session ended. Its access tokens are refused within the bound of revocation.", "account, session, client",
			"`signed_out`, `ended_by_owner`, `ended_by_admin`, `password_changed`, `account_disabled`, `account_deleted`, `client_disabled`, " +
				"`client_deleted`, `revoked`, `refresh_token_reused`, `replaced` (another sign-in in the same browser) or `too_many_sessions`", parent()},
		{SessionSteppedUp, "The password was proved again within a session.", "account, session", "", nil},
		{SessionReplayed, "A refresh token was used a second time within the grace window, from another user agent. It got the same successor. " +
			"If a thief sent it, the next refresh of either side ends the session.", "account, session", "", nil},
		{SessionAhead, "A genuine refresh token is newer than the database knows: a backup was restored, or an outdated replica was promoted. " +
			"The session goes on from the token.", "account, session", "", nil},
		{RefreshRefused, "A refresh token was refused.", "(account), (session), (client)", problemCode, leftOut()},
		{AccessRefused, "A request was refused with 403, because its scope or its proof was not sufficient.", "(account), (session), (client)", problemCode, leftOut()},
		{CrossSiteRefused, "A browser's request was refused, because a page of another site made it.", "(account), (session), (client)", problemCode, leftOut()},
		{KeyRotated, "A new signing key was made. It signs later, when verifiers know it.", "key", "",
			map[string]string{"predecessor": "kid of the key before it", "signs_from": "when it begins to sign (RFC 3339)", "algorithm": "its `alg`"}},
		{KeyKilled, "A signing key was declared compromised. Every token that it signed is refused.", "key", "what the administrator wrote", nil},
		{SecretRotated, "A named secret of the service has a new generation.", "", "name of the secret",
			map[string]string{"generation": "its number", "honoured_until": "until when the older ones are accepted (RFC 3339)"}},
		{RevocationWritten, "A rule was added to the revocation log.", "(account), (session), (client), (key)", "what the caller wrote",
			map[string]string{
				"kind": "what is revoked: `t` one token, `s` a session, `u` an account, `c` a client, `uc` an account at a client, `k` a key, `i` everything",
				"mode": "`hard`, or `soft`: a refresh is enough", "jti": "the token, of kind `t`", "sessions_ended": "how many sessions ended with it",
			}},
		{EpochRaised, "The revocation log began a new epoch, for example after a backup was restored.", "", "why", nil},
		{ClientCreated, "A client was registered.", "client", "", nil},
		{ClientChanged, "The registration or the secrets of a client were changed.", "client", "`settings`, `secret_added` or `secrets_dropped`", nil},
		{ClientDisabled, "A client was disabled. Its sessions ended, and its tokens are refused.", "client", "why", sessionsEnded()},
		{ClientEnabled, "A disabled client was enabled again. Tokens from before stay refused.", "client", "why", nil},
		{ClientDeleted, "A client was deleted. Its sessions ended, and its tokens are refused.", "client", "why", sessionsEnded()},
		{ClientNotProved, "Client authentication failed.", "(client)", problemCode, leftOut()},
		{WebhookCreated, "A webhook was created.", "client", "", webhookID()},
		{WebhookChanged, "A webhook got a new secret, or was sent back to an earlier event.", "client", "`new_secret` or `replay`", webhookID()},
		{WebhookDisabled, "A webhook was disabled.", "client", "`admin`, or `gone`: its receiver answered 410", webhookID()},
		{WebhookEnabled, "A disabled webhook was enabled again.", "client", "", webhookID()},
		{WebhookDeleted, "A webhook was deleted.", "client", "", webhookID()},
	}
}

func leftOut() map[string]string {
	return map[string]string{"left_out": "how many events of this type were not recorded since the last one, because there were too many"}
}

func upstream() map[string]string {
	return map[string]string{"issuer": "the identity provider"}
}

func credential() map[string]string {
	return map[string]string{"kind": "`totp`, `webauthn` or `recovery`", "credential_id": "its id"}
}

func parent() map[string]string {
	return map[string]string{"parent": "the session that it came from"}
}

func sessionsEnded() map[string]string {
	return map[string]string{"sessions_ended": "how many sessions ended with it"}
}

func webhookID() map[string]string { return map[string]string{"webhook": "id of the webhook"} }
