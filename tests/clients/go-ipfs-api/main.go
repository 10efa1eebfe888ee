// The Go module github.com/ipfs/go-ipfs-api against the IPFS proxy: over a Kubo, or over the embedded node.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	shell "github.com/ipfs/go-ipfs-api"
)

var setting struct {
	Proxy, Embedded string
	Api             struct{ Href string }
	Kubo            bool
	Empty           string
}

// check ends the case, and with it the program.
func check(ok bool, what string, values ...any) {
	if !ok {
		fmt.Println("FAILED", what, values)
		os.Exit(1)
	}
}

func must[T any](value T, err error) T {
	check(err == nil, "an error:", err)
	return value
}

func random(size int) []byte {
	data := make([]byte, size)
	rand.Read(data)
	return data
}

type pin struct{ Cid, Name, Mode string }

// pinset is what the cluster says, by the REST API.
func pinset() map[string]pin {
	answer := must(http.Get(setting.Api.Href + "/allocations"))
	defer answer.Body.Close()
	pins := map[string]pin{}
	for decoder := json.NewDecoder(answer.Body); ; {
		var item pin
		if err := decoder.Decode(&item); err == io.EOF {
			return pins
		} else {
			check(err == nil, "a pin:", err)
		}
		pins[item.Cid] = item
	}
}

func waitPinned(cid string) {
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		answer := must(http.Get(setting.Api.Href + "/pins/" + cid))
		body := must(io.ReadAll(answer.Body))
		answer.Body.Close()
		if bytes.Contains(body, []byte(`"status":"pinned"`)) {
			return
		}
		check(time.Now().Before(deadline), "not pinned within 30 s:", string(body))
	}
}

func read(s *shell.Shell, path string) []byte {
	content := must(s.Cat(path))
	defer content.Close()
	return must(io.ReadAll(content))
}

func versionAndID(s *shell.Shell) {
	version, _, err := s.Version()
	check(err == nil && strings.Contains(version, "."), "version", version, err)
	id := must(s.ID())
	check(id.ID != "" && id.AgentVersion != "", "id", id)
	check(s.IsUp(), "is up")
}

func adds(s *shell.Shell) {
	data := random(600_000)
	cid := must(s.Add(bytes.NewReader(data)))
	check(strings.HasPrefix(cid, "Qm"), "a CID of version 0", cid)
	waitPinned(cid)
	check(bytes.Equal(read(s, cid), data), "content")
	for _, options := range [][]shell.AddOpts{
		{shell.CidVersion(1), shell.RawLeaves(true)},
		{shell.Hash("sha2-512"), shell.CidVersion(1)},
		{shell.Progress(false), shell.Pin(true)},
	} {
		check(bytes.Equal(read(s, must(s.Add(bytes.NewReader(data), options...))), data), "content with options")
	}
	loose := must(s.AddNoPin(bytes.NewReader(random(1000))))
	_, isPinned := pinset()[loose]
	check(!isPinned, "added without a pin")
	_, err := s.Add(bytes.NewReader(data), shell.OnlyHash(true))
	check(err != nil && strings.Contains(err.Error(), "only-hash"), "only-hash", err)
	must(s.AddLink("a/target"))
}

func folders(s *shell.Shell) {
	folder := must(os.MkdirTemp("", "client-"))
	defer os.RemoveAll(folder)
	check(os.MkdirAll(filepath.Join(folder, "top", "sub"), 0o755) == nil, "a folder")
	check(os.WriteFile(filepath.Join(folder, "top", "sub", "b ü"), []byte("file b"), 0o644) == nil, "a file")
	root := must(s.AddDir(filepath.Join(folder, "top")))
	_, isPinned := pinset()[root]
	check(isPinned, "the folder is in the pinset", root)
	check(string(read(s, root+"/sub/b ü")) == "file b", "a file of the folder")
}

func pins(s *shell.Shell) {
	cid := must(s.AddNoPin(bytes.NewReader(random(1000))))
	check(s.Pin(cid) == nil && s.Pin("/ipfs/"+cid) == nil, "pin")
	check(pinset()[cid].Mode == "recursive", "in the pinset", pinset()[cid])
	waitPinned(cid)
	check(must(s.Pins())[cid].Type == string(shell.RecursivePin), "in the list")
	check(must(s.PinsOfType(context.Background(), shell.RecursivePin))[cid].Type != "", "in the list by type")
	direct := must(s.PinsOfType(context.Background(), shell.DirectPin))
	check(direct[cid].Type == "", "not among the direct ones", direct)
	found := false
	for item := range must(s.PinsStream(context.Background())) {
		found = found || item.Cid == cid && item.Type == string(shell.RecursivePin)
	}
	check(found, "in the streamed list")
	check(s.Unpin(cid) == nil, "unpin")
	_, isPinned := pinset()[cid]
	check(!isPinned, "unpinned")
	err := s.Unpin(cid)
	check(err != nil && strings.Contains(err.Error(), "not"), "unpinned twice", err)
	err = s.Pin("nonsense")
	check(err != nil && strings.Contains(err.Error(), "nonsense"), "a wrong CID", err)
}

func blocks(s *shell.Shell) {
	data := random(1000)
	cid := must(s.BlockPut(data, "raw", "sha2-256", -1))
	check(bytes.Equal(must(s.BlockGet(cid)), data), "block/get")
	key, size, err := s.BlockStat(cid)
	check(err == nil && key == cid && size == len(data), "block/stat", key, size, err)
}

func repository(s *shell.Shell) {
	var stat struct{ RepoSize, StorageMax, NumObjects uint64 }
	check(s.Request("repo/stat").Exec(context.Background(), &stat) == nil, "repo/stat")
	check((setting.Kubo || stat.NumObjects > 0) && stat.StorageMax > stat.RepoSize, "repo/stat", stat)
	garbage := must(s.Add(bytes.NewReader(random(1000)), shell.Pin(false), shell.CidVersion(1)))
	// What was added is kept for a moment, so that a pin that follows finds it.
	for end, gone := time.Now().Add(time.Minute), false; !gone; time.Sleep(200 * time.Millisecond) {
		answer := must(s.Request("repo/gc").Send(context.Background()))
		check(answer.Error == nil, "repo/gc", answer.Error)
		removed := string(must(io.ReadAll(answer.Output)))
		gone = strings.Contains(removed, garbage)
		check(gone || time.Now().Before(end), "repo/gc removes", garbage, removed)
	}
}

func onlyKubo(s *shell.Shell) {
	if !setting.Kubo {
		_, err := s.List(setting.Empty)
		check(err != nil && strings.Contains(err.Error(), "ls"), "what the embedded node does not offer", err)
		return
	}
	cid := must(s.DagPut(`{"hello":[1,2,3]}`, "dag-json", "dag-cbor"))
	var out struct{ Hello []int }
	check(s.DagGet(cid, &out) == nil && len(out.Hello) == 3, "dag/get", out)
	check(len(must(s.List(setting.Empty))) == 0, "ls")
	for range must(s.Refs(setting.Empty, true)) {
		check(false, "refs of an empty folder")
	}
	ctx := context.Background()
	check(s.FilesWrite(ctx, "/go", strings.NewReader("x"), shell.FilesWrite.Create(true)) == nil, "files/write")
	check(must(s.FilesStat(ctx, "/go")).Size == 1, "files/stat")
	check(s.FilesRm(ctx, "/go", true) == nil, "files/rm")
}

func main() {
	check(json.Unmarshal([]byte(os.Args[1]), &setting) == nil, "the setting")
	s := shell.NewShell(setting.Proxy)
	s.SetTimeout(time.Minute)
	for _, item := range []struct {
		name string
		run  func(*shell.Shell)
	}{{"version and id", versionAndID}, {"add", adds}, {"folders", folders}, {"pins", pins}, {"blocks", blocks},
		{"repository", repository}, {"what Kubo alone can do", onlyKubo}} {
		item.run(s)
		fmt.Println("ok", item.name)
	}
	fmt.Println("all passed")
}
