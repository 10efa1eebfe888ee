// Who this peer is: identity.json, as Go ipfs-cluster writes it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "ipld/keys.h"
#include "ipld/peer_id.h"

namespace ipfsc::identity {

struct Identity {
  ipld::PeerId id;
  ipld::PrivateKey key;
};

/// A new Ed25519 key.
Identity generate_identity();

/// {"id": …, "private_key": base64 of the libp2p protobuf key} (Ed25519 and RSA). kInvalidArgument when it is malformed
/// or the id does not belong to the key; kUnimplemented naming another type of key.
Result<Identity> parse_identity(std::string_view json);
/// 4-space indentation and a newline at the end.
std::string format_identity(const Identity& identity);

/// From the two texts of the file (or of CLUSTER_ID and CLUSTER_PRIVATEKEY). Errors as parse_identity().
Result<Identity> make_identity(std::string_view id, std::string_view private_key_base64);

/// kNotFound when there is no such file.
Result<Identity> load_identity(const std::string& path);
/// Mode 0600; the file is replaced as a whole.
Result<> save_identity(const std::string& path, const Identity& identity);

/// CLUSTER_ID and CLUSTER_PRIVATEKEY replace the file's values, each on its own; then the two must match. Pass no
/// identity when there is no file: nullopt comes back when neither variable is set.
Result<std::optional<Identity>> apply_environment(std::optional<Identity> identity,
                                                  const std::map<std::string, std::string>& environment);

}  // namespace ipfsc::identity
