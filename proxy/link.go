package proxy

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"

	"switchyard/dialect"
)

// lead changes the headers in which a provider says where the app is to go on, so that they lead here: the app may not be able to reach
// the provider, or have a key for it. The headers go past ReverseProxy, to keep the provider's spelling: Google's Python client, on
// aiohttp, finds them by no other.
func (p *passage) lead(h http.Header) {
	l, ok := p.place.dialect.(dialect.Linker)
	if !ok {
		return
	}
	out := p.w.Header()
	for _, name := range l.Links() {
		for _, link := range h.Values(name) {
			out[name] = append(out[name], p.through(link))
		}
		h.Del(name)
	}
}

// through is the address at which we pass a request through to link; link itself if that is not below the provider's address.
func (p *passage) through(link string) string {
	u, err := url.Parse(link)
	if err != nil || u.Scheme != p.address.Scheme || u.Host != p.address.Host {
		return link
	}
	path, ok := under(u.EscapedPath(), strings.TrimSuffix(p.address.EscapedPath(), "/"))
	if !ok {
		return link
	}
	query := u.Query()
	if key := p.caller.key; key != nil {
		query.Set(passParam, key.pass(path, query))
	}
	return p.origin + p.place.prefix + (&url.URL{Opaque: path, RawQuery: query.Encode()}).String()
}

// passParam is the part of an address's query that lets an app in that comes without its key. Google's Python client sends
// none with the bytes of a file: to Google, the address is credential enough.
const passParam = "switchyard_pass"

// pass lets whoever has it in as k, at that path with that query and nowhere else. It can be told on every instance, for
// as long as there is such a key.
func (k *Key) pass(path string, query url.Values) string {
	mac := hmac.New(sha256.New, []byte(k.Secret.Reveal()))
	mac.Write([]byte("pass\x00" + path + "?" + query.Encode()))
	return k.Name + "." + hex.EncodeToString(mac.Sum(nil))
}

// passed is the key that a pass lets in as; nil if it lets nobody in.
func (ring Keyring) passed(pass, path string, query url.Values) *Key {
	name := pass[:max(0, strings.LastIndexByte(pass, '.'))]
	if k := ring.named(name); k != nil && hmac.Equal([]byte(pass), []byte(k.pass(path, query))) {
		return k
	}
	return nil
}
