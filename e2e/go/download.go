package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
)

// download gets what an app would get that shows the URL to somebody: no key, no SDK.
func download(ctx context.Context, url string) (picture, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return picture{}, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return picture{}, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return picture{}, fmt.Errorf("download: %s", resp.Status)
	}
	data, err := io.ReadAll(resp.Body)
	return picture{data, resp.Header.Get("Content-Type"), url}, err
}
