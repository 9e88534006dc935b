package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/oauth2/google"

	"switchyard"
)

// credentials is an account of Google Cloud's: a file as Google hands it out, or "default" for the one that the machine has, which is
// found as Google's own libraries do: GOOGLE_APPLICATION_CREDENTIALS, then gcloud's file, then the metadata server.
type credentials string

const ambient credentials = "default"

const cloudScope = "https://www.googleapis.com/auth/cloud-platform"

// cloudFile is where in Google Cloud a provider is, and who we are there. Only Vertex AI's have that.
type cloudFile struct {
	Project     string      `yaml:"project"`
	Location    string      `yaml:"location"` // global if it is not said
	Credentials credentials `yaml:"credentials"`
}

// check names the faults of what is in p at a path. Project and location come to be in addresses.
func (c cloudFile) check(fault faultFunc, at string, p providerFile) {
	if p.Dialect != "vertex" {
		for name, value := range map[string]string{"project": c.Project, "location": c.Location, "credentials": string(c.Credentials)} {
			if value != "" {
				fault(at+"."+name, "only dialect vertex has that")
			}
		}
		return
	}
	for name, value := range map[string]string{"project": c.Project, "location": c.Location} {
		if strings.ContainsAny(value, "/?#% ") || strings.HasPrefix(value, ".") {
			fault(at+"."+name, "want a name, got %q", value)
		}
	}
	if c.Project == "" && c.Credentials != "" {
		fault(at+".credentials", "need a project")
	}
	if c.Credentials != "" && !p.Key.IsZero() {
		fault(at+".credentials", "there is a key already: it is one or the other")
	}
}

// home is where the provider's paths have what is ours; empty if we have but a key, or none.
func (c cloudFile) home() string {
	if c.Project == "" {
		return ""
	}
	return "projects/" + c.Project + "/locations/" + cmp.Or(c.Location, "global")
}

// find reads the file anew each time: it may have been replaced.
func (c credentials) find(ctx context.Context) (*google.Credentials, error) {
	if c == ambient {
		return google.FindDefaultCredentials(ctx, cloudScope)
	}
	text, err := os.ReadFile(string(c))
	if err != nil {
		return nil, err
	}
	return parseCredentials(ctx, text)
}

// parseCredentials makes of a file's text who it says we are. Errors quote nothing of it.
func parseCredentials(ctx context.Context, text []byte) (*google.Credentials, error) {
	var says struct{ Type google.CredentialsType }
	if json.Unmarshal(text, &says) != nil || says.Type == "" {
		return nil, errors.New("want a file that Google made, with a type such as service_account")
	}
	creds, err := google.CredentialsFromJSONWithType(ctx, text, says.Type, cloudScope)
	if err != nil {
		return nil, fmt.Errorf("not what a file of type %s has to say", says.Type)
	}
	return creds, nil
}

// standIn is the key of a provider that has credentials: there is one, and it is ours.
var standIn = switchyard.NewSecret("credentials")
