package fetch_test

import (
	"io"
	"log"
)

var quiet = log.New(io.Discard, "", 0) // for servers that complain of what a test does to them
