#include "identity/identity.h"

#include <boost/json.hpp>

#include "base/bytes.h"
#include "base/files.h"
#include "base/json.h"

namespace ipfsc::identity {
namespace {

constexpr size_t kMaxFileBytes = 64 * 1024;  // an RSA key of 8192 bits takes 7

Result<std::string> text_member(const boost::json::object& object, std::string_view key) {
  const auto* member = object.if_contains(key);
  if (!member) return fail(ErrorKind::kInvalidArgument, std::string(key) + " is missing");
  if (!member->is_string()) return fail(ErrorKind::kInvalidArgument, std::string(key) + " is not a string");
  return std::string(member->get_string());
}

Result<ipld::PrivateKey> parse_key(std::string_view base64) {
  auto bytes = from_base64(base64);
  if (!bytes) return fail(bytes.error().with_context("private_key"));
  auto key = ipld::PrivateKey::from_protobuf(*bytes);
  if (!key) return fail(key.error().with_context("private_key"));
  return key;
}

}  // namespace

Identity generate_identity() {
  auto key = ipld::PrivateKey::generate_ed25519();
  return {key.peer_id(), std::move(key)};
}

Result<Identity> make_identity(std::string_view id, std::string_view private_key_base64) {
  auto peer = ipld::PeerId::parse(id);
  if (!peer) return fail(peer.error().with_context("id"));
  TRY_ASSIGN(auto key, parse_key(private_key_base64));
  if (key.peer_id() != *peer) {
    return fail(ErrorKind::kInvalidArgument,
                "the private key belongs to " + key.peer_id().to_string() + ", not to the id " + peer->to_string());
  }
  return Identity{std::move(*peer), std::move(key)};
}

Result<Identity> parse_identity(std::string_view json) {
  TRY_ASSIGN(auto value, parse_json(json));
  const auto* object = value.if_object();
  if (!object) return fail(ErrorKind::kInvalidArgument, "not a JSON object");
  TRY_ASSIGN(auto id, text_member(*object, "id"));
  TRY_ASSIGN(auto key, text_member(*object, "private_key"));
  return make_identity(id, key);
}

std::string format_identity(const Identity& identity) {
  boost::json::object object;
  object["id"] = identity.id.to_string();
  object["private_key"] = to_base64(identity.key.to_protobuf());
  return pretty_json(object, 4) + "\n";
}

Result<Identity> load_identity(const std::string& path) {
  TRY_ASSIGN(auto text, read_file(path, kMaxFileBytes));
  auto identity = parse_identity(text);
  if (!identity) return fail(identity.error().with_context(path));
  return identity;
}

Result<> save_identity(const std::string& path, const Identity& identity) {
  return write_file(path, format_identity(identity), 0600);
}

Result<std::optional<Identity>> apply_environment(std::optional<Identity> identity,
                                                  const std::map<std::string, std::string>& environment) {
  auto id = environment.find("CLUSTER_ID");
  auto key = environment.find("CLUSTER_PRIVATEKEY");
  bool has_id = id != environment.end(), has_key = key != environment.end();
  if (!has_id && !has_key) return identity;
  if (!identity && !(has_id && has_key)) {
    return fail(ErrorKind::kInvalidArgument, std::string(has_id ? "CLUSTER_ID is set without CLUSTER_PRIVATEKEY"
                                                                : "CLUSTER_PRIVATEKEY is set without CLUSTER_ID") +
                                                 ", and there is no identity.json");
  }
  auto made = make_identity(has_id ? id->second : identity->id.to_string(),
                            has_key ? key->second : to_base64(identity->key.to_protobuf()));
  if (!made) return fail(made.error().with_context("CLUSTER_ID, CLUSTER_PRIVATEKEY"));
  return std::optional<Identity>(std::move(*made));
}

}  // namespace ipfsc::identity
