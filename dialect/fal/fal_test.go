package fal_test

import (
	"testing"

	"switchyard/dialect/dialecttest"
	"switchyard/dialect/fal"
)

func TestExchanges(t *testing.T) { dialecttest.Run(t, fal.Dialect{}) }
