package openai_test

import (
	"testing"

	"switchyard/dialect/dialecttest"
	"switchyard/dialect/openai"
)

func TestExchanges(t *testing.T) { dialecttest.Run(t, openai.Dialect{}) }
