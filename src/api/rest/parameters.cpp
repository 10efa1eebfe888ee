#include "api/rest/parameters.h"

#include <algorithm>

#include "base/check.h"

namespace ipfsc::api::rest {
namespace {

constexpr std::string_view kText = R"({"type":"string"})";
constexpr std::string_view kBool = R"({"type":"boolean"})";
constexpr std::string_view kInt = R"({"type":"integer","minimum":-2147483648,"maximum":2147483647})";
constexpr std::string_view kPeer = R"({"$ref":"#/components/schemas/PeerID"})";
constexpr std::string_view kCid = R"({"$ref":"#/components/schemas/CID"})";
constexpr std::string_view kSearch = R"({"type":"string","maxLength":4096})";
constexpr std::string_view kPast = R"({"type":"string","examples":["now","-24h","2026-01-02T03:04:05Z"]})";
// An object whose members are parameters of their own (style form, explode).
constexpr std::string_view kMeta =
    R"({"type":"object","propertyNames":{"pattern":"^meta-.+$"},"additionalProperties":{"type":"string"}})";

constexpr Parameter kPinOptions[] = {
    {"replication-min", kInt, "Copies at least; 0: the cluster's default, -1: on every peer."},
    {"replication-max", kInt, "Copies at most; 0: the cluster's default, -1: on every peer."},
    {"replication", kInt, "Both of them."},
    {"name", kText, "A name for the pin."},
    {"mode", R"({"type":"string","enum":["recursive","direct"]})", "Everything below the CID, or this block alone."},
    {"shard-size", R"({"type":"integer","minimum":0,"maximum":18446744073709551615})", "Kept with the pin."},
    {"user-allocations", kText, "Peers that should have a copy, comma-separated."},
    {"expire-at", R"({"type":"string","format":"date-time"})", "When the pin ends; goes before expire-in."},
    {"expire-in", R"({"type":"string","examples":["24h"]})", "How long it lasts, as a Go duration; a second at least."},
    {"meta-", kMeta, "Metadata: meta-KEY=VALUE, any number of them.", Parameter::kQueryMap},
    {"pin-update", kCid, "The pin that this one takes over from: options that are not given are those of that pin."},
    {"origins", kText, "Multiaddresses where the content is, comma-separated."},
};

constexpr Parameter kAdd[] = {
    {"format", R"({"type":"string","enum":["unixfs","car"]})", "What the parts are: files, or one CAR file."},
    {"layout", R"({"type":"string","enum":["balanced","trickle"]})",
     "Of the blocks of a file; only balanced is offered."},
    {"chunker", R"({"type":"string","examples":["size-262144"]})", "How files are cut: size-N, rabin-…, buzhash."},
    {"hash", R"({"type":"string","examples":["sha2-256"]})", "Others than sha2-256 need cid-version=1."},
    {"cid-version", R"({"type":"integer","enum":[0,1]})", "1 turns raw-leaves on unless they are given."},
    {"raw-leaves", kBool, "The data itself as blocks."},
    {"wrap-with-directory", kBool, "All parts in one folder, which is pinned."},
    {"progress", kBool, "Objects with the bytes so far, too."},
    {"local", kBool, "Blocks are given to this peer's IPFS node alone."},
    {"no-pin", kBool, "Only the blocks; nothing is pinned."},
    {"shard", kBool, "Not offered yet."},
    {"nocopy", kBool, "Not offered."},
    {"recursive", kBool, "Read and without effect: clients walk folders."},
    {"hidden", kBool, "Read and without effect."},
    {"stream-channels", kBool, "false: one JSON array at the end instead of lines as it goes."},
};

constexpr Parameter kLimit[] = {
    {"limit", R"({"type":"integer","minimum":1,"maximum":1000000})", "So many items at most."},
};
constexpr Parameter kCursor[] = {
    {"cursor", kText, "Goes on behind a page: its X-Next-Cursor. All other parameters must be the same."},
};
constexpr Parameter kPage[] = {
    {"count", kBool, "Only the number of items."},
    {"name", kSearch, "Pins of that name."},
    {"name-prefix", kSearch, "Pins whose name begins so, listed by name."},
    {"meta-", kMeta, "Pins with this metadata: meta-KEY=VALUE, at most 16, and all must hold.", Parameter::kQueryMap},
};
constexpr Parameter kAt[] = {
    {"at", kPast, "As it was then: RFC 3339, unix seconds, now, or how long ago as a Go duration (-24h)."},
    {"peer", kPeer, "What this peer is to hold: allocated to it, or everywhere. With one CID it needs `at`."},
};
constexpr Parameter kAllocations[] = {
    {"filter", R"({"type":"string","examples":["pin,meta-pin"]})",
     "Types of pins, comma-separated: pin, meta-pin, clusterdag-pin, shard-pin, all."},
    {"sort", R"({"type":"string","enum":["cid","name","newest"]})", "The order: cid unless there is a name-prefix."},
};
constexpr Parameter kStatus[] = {
    {"filter", R"({"type":"string","examples":["pinned,error"]})",
     "Statuses, comma-separated; error and queued stand for all of their kind."},
    {"cids", kText, "These alone, comma-separated."},
};
constexpr Parameter kEvents[] = {
    {"from", R"({"type":"string","examples":["now","oldest","-1h","1.42.0"]})",
     "Behind a position, a time as in `at`, oldest, or now."},
    {"type", R"({"type":"string","examples":["pin,unpin"]})",
     "Of pin, unpin, move, work, peer, record, cluster; comma-separated."},
    {"cid", kText, "Only what is about these, comma-separated, at most 100."},
    {"follow", kBool, "false: ends when all that had happened is told."},
    {"Last-Event-ID", kText, "The last position that was seen; goes before `from`.", Parameter::kHeader},
};
constexpr Parameter kLocal[] = {{"local", kBool, "Only the peer that is asked."}};
constexpr Parameter kDryRun[] = {{"dry-run", kBool, "Says what would be done, and does nothing."}};
constexpr Parameter kIfAbsent[] = {{"if-absent", kBool, "What is in the pinset already stays as it is: code 409."}};
constexpr Parameter kAllClaims[] = {{"all-claims", kBool, "Also when others asked for the pin too."}};
constexpr Parameter kRemovePeer[] = {
    {"force", kBool, "Although pins would have too few copies."},
    {"ban", kBool, "It may not come back."},
};
constexpr Parameter kUndo[] = {{"undo", kBool, "It gets pins again."}};
constexpr Parameter kRole[] = {
    {"role", R"({"type":"string","enum":["auto","voter","standby","agent"]})", "", Parameter::kQuery, true}};
constexpr Parameter kWith[] = {{"with", kPeer, "The peer that takes its place.", Parameter::kQuery, true}};
constexpr Parameter kIdempotency[] = {{"Idempotency-Key", R"({"type":"string","minLength":1,"maxLength":256})",
                                       "A request that is repeated with the same key is done once.",
                                       Parameter::kHeader}};

constexpr Parameter kPath[] = {
    {"cid", kCid, ""},
    {"peer", kPeer, ""},
    {"name", R"({"type":"string","minLength":1})", ""},
    {"path", R"({"type":"string","minLength":1})", "A CID or a name, and what is below it; may have slashes."},
};

}  // namespace

const Parameters kPinOptionParameters = kPinOptions;
const Parameters kAddParameters = kAdd;
const Parameters kPageParameters = kPage;
const Parameters kLimitParameter = kLimit;
const Parameters kCursorParameter = kCursor;
const Parameters kAllocationParameters = kAllocations;
const Parameters kAtParameters = kAt;
const Parameters kStatusParameters = kStatus;
const Parameters kEventParameters = kEvents;
const Parameters kLocalParameter = kLocal;
const Parameters kDryRunParameter = kDryRun;
const Parameters kIfAbsentParameter = kIfAbsent;
const Parameters kAllClaimsParameter = kAllClaims;
const Parameters kRemovePeerParameters = kRemovePeer;
const Parameters kUndoParameter = kUndo;
const Parameters kRoleParameter = kRole;
const Parameters kWithParameter = kWith;
const Parameters kIdempotencyKey = kIdempotency;

const Parameter& path_parameter(std::string_view name) {
  const auto* found = std::ranges::find(kPath, name, &Parameter::name);
  CHECK(found != std::end(kPath));
  return *found;
}

}  // namespace ipfsc::api::rest
