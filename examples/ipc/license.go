// Asks Sentinel for the license. Needs nothing beyond Go's standard library.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"os"
	"time"
)

type answer struct {
	Status  string
	Error   string
	License struct {
		LicenseKey string `json:"license_key"`
		Features   map[string]any
	}
}

func ask(method string) (a answer, err error) {
	sentinel, err := net.Dial("unix", os.Getenv("SENTINEL_IPC_SOCKET"))
	if err != nil {
		return a, err
	}
	defer sentinel.Close()
	if err = sentinel.SetDeadline(time.Now().Add(65 * time.Second)); err != nil {
		return a, err
	}
	if err = json.NewEncoder(sentinel).Encode(map[string]string{"method": method}); err != nil {
		return a, err
	}
	line, err := bufio.NewReader(sentinel).ReadBytes('\n')
	if err != nil {
		return a, err
	}
	return a, json.Unmarshal(line, &a)
}

func main() {
	a, err := ask("get_license")
	if err != nil {
		log.Fatal(err)
	}
	if a.Status != "ok" {
		log.Fatalf("no license: %s", a.Error)
	}
	features, _ := json.Marshal(a.License.Features)
	fmt.Println(a.License.LicenseKey, string(features))
}
