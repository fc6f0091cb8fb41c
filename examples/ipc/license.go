// Asks Sentinel for the license and checks it. Needs nothing beyond Go's standard library.
package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"time"
)

const softwareID = "web"

// your org_public_key.pem
const vendorKey = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEla9oy3WKaSea5YJoqIjKiheXWdPE
bFC6iFavK+6r6+HZzvjibzSUWOzXCAmyuCYDNyhupbU19+ex5OsF63J64w==
-----END PUBLIC KEY-----`

type envelope struct{ Payload, Sig string }

type answer struct {
	Status, Error, Reason string
	MachineID             string `json:"machine_id"`
	Envelope              envelope
	Answer                *envelope
}

type license struct {
	LicenseKey string `json:"license_key"`
	SoftwareID string `json:"software_id"`
	ExpiryDate string `json:"expiry_date"`
	Features   map[string]any
}

type confirmation struct {
	RequestNonce string `json:"request_nonce"`
	LicenseKey   string `json:"license_key"`
	MachineID    string `json:"machine_id"`
	Status       string
}

func ask(method string, params map[string]any) (a answer, err error) {
	sentinel, err := net.Dial("unix", os.Getenv("SENTINEL_IPC_SOCKET"))
	if err != nil {
		return a, err
	}
	defer sentinel.Close()
	if err = sentinel.SetDeadline(time.Now().Add(65 * time.Second)); err != nil {
		return a, err
	}
	request := map[string]any{"method": method, "params": params}
	if err = json.NewEncoder(sentinel).Encode(request); err != nil {
		return a, err
	}
	line, err := bufio.NewReader(sentinel).ReadBytes('\n')
	if err != nil {
		return a, err
	}
	return a, json.Unmarshal(line, &a)
}

func openSigned(signed envelope, payload any) error {
	block, _ := pem.Decode([]byte(vendorKey))
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return err
	}
	sig, _ := base64.RawURLEncoding.DecodeString(signed.Sig)
	digest := sha256.Sum256([]byte(signed.Payload))
	if !ecdsa.VerifyASN1(key.(*ecdsa.PublicKey), digest[:], sig) {
		return errors.New("not signed by the vendor")
	}
	text, err := base64.RawURLEncoding.DecodeString(signed.Payload)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, payload)
}

func newUUID() (string, error) {
	b := make([]byte, 16)
	_, err := rand.Read(b)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), err
}

func checkedLicense() (l license, err error) {
	nonce, err := newUUID()
	if err != nil {
		return l, err
	}
	a, err := ask("get_license", map[string]any{"proof": true, "nonce": nonce})
	if err != nil {
		return l, err
	}
	if a.Status != "ok" {
		return l, errors.New(a.Error)
	}
	if err = openSigned(a.Envelope, &l); err != nil {
		return l, err
	}
	if l.SoftwareID != softwareID || l.ExpiryDate < time.Now().UTC().Format("2006-01-02") {
		return l, errors.New("it has expired, or is for another software")
	}
	if a.Answer == nil {
		// how long to go on without an answer is your decision
		log.Printf("the license server did not answer: %s", a.Reason)
		return l, nil
	}
	var c confirmation
	if err = openSigned(*a.Answer, &c); err != nil {
		return l, err
	}
	if c != (confirmation{nonce, l.LicenseKey, a.MachineID, "ACTIVE"}) {
		return l, errors.New("the license server does not confirm it")
	}
	return l, nil
}

func main() {
	l, err := checkedLicense()
	if err != nil {
		log.Fatalf("no license: %s", err)
	}
	features, _ := json.Marshal(l.Features)
	fmt.Println(l.LicenseKey, string(features))
}
