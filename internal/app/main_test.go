package app_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain finds whatever an App leaves running after Close.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
