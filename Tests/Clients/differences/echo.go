// The peer in Go: net/http reads the whole body and answers with the identifier that the request came with.
package main

import (
	"io"
	"log"
	"net/http"
	"os"
)

func main() {
	answer := func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("X-Request-Id")
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			w.Header().Set("Connection", "close")
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Header().Set("X-Request-Id", id)
		_, _ = w.Write([]byte("read"))
	}
	server := http.Server{Addr: os.Args[1], Handler: http.HandlerFunc(answer), MaxHeaderBytes: 12 << 10, ErrorLog: log.New(io.Discard, "", 0)}
	log.Fatal(server.ListenAndServe())
}
