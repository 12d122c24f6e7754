package event

// Types lists every type of event, in the order of this package.
func Types() []Type {
	return []Type{
		AccountCreated, AccountDisabled, AccountEnabled, AccountDeleted, AccountChanged, AccountLinked, AccountUnlinked,
		PasswordChanged, CredentialAdded, CredentialChanged, CredentialRemoved,
		LoginSucceeded, LoginFailed, LoginSuspended, GuardCleared, DevicesForgotten,
		SessionStarted, SessionEnded, SessionSteppedUp, SessionReplayed, SessionAhead, RefreshRefused,
		AccessRefused, CrossSiteRefused,
		KeyRotated, KeyKilled, SecretRotated, RevocationWritten, EpochRaised,
		ClientCreated, ClientChanged, ClientDisabled, ClientEnabled, ClientDeleted, ClientNotProved,
		WebhookCreated, WebhookChanged, WebhookDisabled, WebhookEnabled, WebhookDeleted,
	}
}
