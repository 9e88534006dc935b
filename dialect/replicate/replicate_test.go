package replicate_test

import (
	"testing"

	"switchyard/dialect/dialecttest"
	"switchyard/dialect/replicate"
)

func TestExchanges(t *testing.T) { dialecttest.Run(t, replicate.Dialect{}) }
