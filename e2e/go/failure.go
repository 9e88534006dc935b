package main

import (
	"errors"

	old "genai1"
	"github.com/openai/openai-go/v3"
	"github.com/replicate/replicate-go"
	"google.golang.org/genai"
)

// failure is an SDK's error, as far as an app can see it.
type failure struct {
	Class     string `json:"class"`
	Status    int    `json:"status,omitempty"`
	Code      string `json:"code,omitempty"`
	Type      string `json:"type,omitempty"`
	Message   string `json:"message"`
	Body      string `json:"body,omitempty"`
	RequestID string `json:"requestId,omitempty"`
}

// failed is err by the type that an app would look for with errors.As.
func failed(err error) *failure {
	f := &failure{Class: "error", Message: err.Error()}
	var (
		ai    *openai.Error
		now   genai.APIError
		then  old.APIError
		api   *replicate.APIError
		model *replicate.ModelError
	)
	switch {
	case errors.As(err, &ai):
		f.Class, f.Status, f.Code, f.Type, f.Message, f.Body = "openai.Error", ai.StatusCode, ai.Code, ai.Type, ai.Message, ai.RawJSON()
		f.RequestID = ai.Response.Header.Get("X-Request-Id")
	case errors.As(err, &now):
		f.Class, f.Status, f.Code, f.Message = "genai.APIError", now.Code, now.Status, now.Message
	case errors.As(err, &then):
		f.Class, f.Status, f.Code, f.Message = "genai.APIError", then.Code, then.Status, then.Message
	case errors.As(err, &api):
		f.Class, f.Status, f.Message = "replicate.APIError", api.Status, api.Title+": "+api.Detail
	case errors.As(err, &model):
		f.Class = "replicate.ModelError"
	}
	return f
}
