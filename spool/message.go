package spool

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// Message is a request or an answer that has arrived whole.
type Message struct {
	Base   string // which of the provider's addresses an app means; empty for the main one
	Method string
	Path   string // decoded, without our prefix
	Query  url.Values
	Header http.Header
	Status int // of an answer
	Body   *Body

	once sync.Once
	root *Value
	err  error

	formOnce sync.Once
	form     *Form
	formErr  error
}

// JSON is the body as a JSON document, scanned at the first call.
func (m *Message) JSON() (*Value, error) {
	m.once.Do(func() { m.root, m.err = Scan(m.Body) })
	return m.root, m.err
}

// Form is the body as a form, scanned at the first call.
func (m *Message) Form() (*Form, error) {
	m.formOnce.Do(func() { m.form, m.formErr = ScanForm(m.Body, m.Header.Get("Content-Type")) })
	return m.form, m.formErr
}

// IsForm reports whether the body says that it is multipart/form-data.
func (m *Message) IsForm() bool {
	return strings.HasPrefix(strings.ToLower(m.Header.Get("Content-Type")), "multipart/form-data")
}
