// Package sim is image providers on real loopback ports: Google's Gemini API and Vertex AI, OpenAI, fal and Replicate, with the wire
// formats, prices, latencies, failures and oddities of the real ones, as recorded in the autumn of 2026.
//
// It exists for demonstrations, and for tests of programs between apps and such providers. It shares no code with the dialects that
// it is used to test, so that no mistake is made twice. It is as strict as the real services: a wrong scheme of authentication, an
// unknown value, or a field that does not exist gets that provider's own error.
//
//	w, err := sim.Start(sim.Config{})
//	defer w.Close()
//	w.Google.Update(func(b *sim.Behavior) { b.Fault = sim.RateLimit })
//	… call w.Google.URL …
//	w.Google.Calls() // what arrived
//	w.Google.Bill()  // what it charged
//
// Each picture carries a mark that says who made it, for which prompt, and from how many references: see ReadMark.
package sim
