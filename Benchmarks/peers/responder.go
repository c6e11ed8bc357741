// The HTTP peer in Go: net/http answering a fixed body from memory, as small as it can be written.
package main

import (
	"log"
	"net/http"
	"os"
)

var body = []byte(`{"status":"ok"}`)

func main() {
	answer := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	}
	log.Fatal(http.ListenAndServe(os.Args[1], http.HandlerFunc(answer)))
}
