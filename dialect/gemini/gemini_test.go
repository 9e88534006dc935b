package gemini_test

import (
	"testing"

	"switchyard/dialect/dialecttest"
	"switchyard/dialect/gemini"
)

func TestExchanges(t *testing.T) { dialecttest.Run(t, gemini.Dialect{}) }
