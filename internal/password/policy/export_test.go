package policy

// For the tests of the list.
var (
	List   = list
	Listed = listed
)
