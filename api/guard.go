package api

// GuardQuery asks for the failed attempts of an account or an address. Exactly one
// of the two is given.
type GuardQuery struct {
	AccountID string `json:"-" query:"account_id" format:"uuid" doc:"The account."`
	Address   string `json:"-" query:"address" maxLength:"255" doc:"The IP address."`
}

// GuardSubject names an account or an address. Exactly one of the two is given.
type GuardSubject struct {
	AccountID string `json:"account_id,omitempty" format:"uuid" doc:"The account."`
	Address   string `json:"address,omitempty" maxLength:"255" doc:"The IP address. The budgets of its network are cleared as well."`
}

// Budgets are those of an account or an address.
type Budgets struct {
	Budgets []Budget `json:"budgets"`
}

// Budget is how many attempts have failed, and how many may fail.
type Budget struct {
	Budget  string  `json:"budget" enum:"account,address,network,accounts" doc:"Whose attempts are counted. accounts is how many different accounts the address failed at."`
	Failed  float64 `json:"failed" doc:"How many attempts count as failed now. They are forgotten bit by bit."`
	Allowed int     `json:"allowed" doc:"How many may fail without a wait."`
	Wait    int64   `json:"wait" doc:"How long the next attempt of a stranger must wait, in seconds."`
}
