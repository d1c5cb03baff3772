// Judges what the evidence log says with code that nobody here wrote: the checksum database of the Go project,
// golang.org/x/mod/sumdb. Reads one check a line from standard input, as JSON; answers each with one line, "ok" or the reason
// why it is refused.
package main

import (
	"bufio"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type check struct {
	Kind string // note, inclusion or consistency

	Note         string   // note: the signed note, to the byte
	VerifierKeys []string // note: every one of these has to have signed it

	Record []byte // inclusion: the record, as it is hashed into its leaf
	Index  int64

	Size    int64 // inclusion and consistency: the tree
	Root    []byte
	OldSize int64 // consistency: the earlier tree
	OldRoot []byte
	Proof   [][]byte
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 64<<20)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for in.Scan() {
		var asked check
		err := json.Unmarshal(in.Bytes(), &asked)
		if err == nil {
			err = verdict(asked)
		}
		if err == nil {
			fmt.Fprintln(out, "ok")
		} else {
			fmt.Fprintln(out, strings.ReplaceAll(err.Error(), "\n", " "))
		}
	}
	if err := in.Err(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func verdict(asked check) error {
	switch asked.Kind {
	case "note":
		return openNote(asked.Note, asked.VerifierKeys)
	case "inclusion":
		root, proof, err := hashes(asked.Root, asked.Proof)
		if err != nil {
			return err
		}
		return tlog.CheckRecord(proof, asked.Size, root, asked.Index, tlog.RecordHash(asked.Record))
	case "consistency":
		root, proof, err := hashes(asked.Root, asked.Proof)
		if err != nil {
			return err
		}
		oldRoot, _, err := hashes(asked.OldRoot, nil)
		if err != nil {
			return err
		}
		return tlog.CheckTree(proof, asked.Size, root, asked.OldSize, oldRoot)
	}
	return errors.New("no such kind of check")
}

func hashes(root []byte, proof [][]byte) (tlog.Hash, []tlog.Hash, error) {
	var all []tlog.Hash
	for _, bytes := range append([][]byte{root}, proof...) {
		if len(bytes) != tlog.HashSize {
			return tlog.Hash{}, nil, errors.New("a hash has the wrong length")
		}
		all = append(all, tlog.Hash(*(*[tlog.HashSize]byte)(bytes)))
	}
	return all[0], all[1:], nil
}

func openNote(text string, keys []string) error {
	var verifiers []note.Verifier
	for _, key := range keys {
		verifier, err := verifierOf(key)
		if err != nil {
			return err
		}
		verifiers = append(verifiers, verifier)
	}
	opened, err := note.Open([]byte(text), note.VerifierList(verifiers...))
	if err != nil {
		return err
	}
	if len(opened.Sigs) != len(keys) {
		return fmt.Errorf("%d of %d keys have signed", len(opened.Sigs), len(keys))
	}
	return nil
}

// The note package knows Ed25519 signatures, algorithm 1. It leaves others to whoever opens a note: a witness's timestamped
// cosignature (C2SP tlog-cosignature, algorithm 4) is Ed25519 over two more lines.
func verifierOf(key string) (note.Verifier, error) {
	parts := strings.SplitN(key, "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("not a verifier key")
	}
	bytes, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(bytes) != 1+ed25519.PublicKeySize {
		return nil, errors.New("not a verifier key")
	}
	if bytes[0] != 4 {
		return note.NewVerifier(key)
	}
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), bytes...))
	id := binary.BigEndian.Uint32(sum[:4])
	if said, err := strconv.ParseUint(parts[1], 16, 32); err != nil || uint32(said) != id {
		return nil, errors.New("the verifier key names another id")
	}
	return cosigner{parts[0], id, bytes[1:]}, nil
}

type cosigner struct {
	name string
	id   uint32
	key  ed25519.PublicKey
}

func (c cosigner) Name() string    { return c.name }
func (c cosigner) KeyHash() uint32 { return c.id }
func (c cosigner) Verify(text, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	time := binary.BigEndian.Uint64(signature)
	signed := fmt.Sprintf("cosignature/v1\ntime %d\n%s", time, text)
	return ed25519.Verify(c.key, []byte(signed), signature[8:])
}
