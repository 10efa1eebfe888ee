#include "fmt/format.h"
#include "importer/importer.h"
#include "ipld/multihash.h"

namespace ipfsc::importer {

namespace {

Result<> check_hash(const ImportOptions& options) {
  auto name = ipld::hash_name(options.hash_code);
  TRY_ASSIGN(auto hash, ipld::hash_bytes(options.hash_code, {}));
  bool is_identity = options.hash_code == uint64_t(ipld::HashCode::kIdentity);
  if (!is_identity && hash.digest().size() < ipld::kMinVerifiableDigestBytes) {
    return fail(ErrorKind::kInvalidArgument, fmt::format("hash {} is too short to be safe: at least {} bits are needed",
                                                         name, ipld::kMinVerifiableDigestBytes * 8));
  }
  if (options.cid_version == 0 && options.hash_code != uint64_t(ipld::HashCode::kSha2_256)) {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("hash {} needs CID version 1: version 0 always means sha2-256", name));
  }
  return {};
}

}  // namespace

Result<ImportOptions> ImportOptions::validate(ImportOptions options) {
  if (options.chunker.empty() || options.chunker == "default") {
    options.chunker = fmt::format("size-{}", Chunker::kDefaultBytes);
  }
  TRY(Chunker::parse(options.chunker));
  if (options.layout.empty()) options.layout = "balanced";
  if (options.layout == "trickle") {
    return fail(ErrorKind::kUnimplemented, "layout trickle is not offered yet, only balanced is");
  }
  if (options.layout != "balanced") {
    return fail(ErrorKind::kInvalidArgument, fmt::format("unknown layout '{}': use balanced", options.layout));
  }
  if (options.cid_version != 0 && options.cid_version != 1) {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("bad CID Version: {}: only 0 and 1 exist", options.cid_version));
  }
  TRY(check_hash(options));
  return options;
}

}  // namespace ipfsc::importer
