#include "api/auth/password.h"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <algorithm>
#include <charconv>
#include <memory>

namespace ipfsc::api::auth {
namespace {

constexpr uint64_t kMostMemory = 256u << 20;
constexpr size_t kSaltBytes = 16, kHashBytes = 32;
constexpr size_t kMinSaltBytes = 8, kMinHashBytes = 16, kMaxBytes = 64;
constexpr unsigned kMostParallel = 16;

std::unexpected<Error> wrong(std::string message) { return fail(ErrorKind::kInvalidArgument, std::move(message)); }

std::string unpadded_base64(ByteView bytes) {
  auto text = to_base64(bytes);
  while (text.ends_with('=')) text.pop_back();
  return text;
}

Result<Bytes> from_unpadded_base64(std::string_view text) {
  std::string padded(text);
  if (padded.find('=') != std::string::npos || padded.size() % 4 == 1) return wrong("broken base64");
  padded.append((4 - padded.size() % 4) % 4, '=');
  return from_base64(padded);
}

Result<Bytes> scrypt(std::string_view password, const ScryptHash& with, size_t size) {
  std::unique_ptr<EVP_KDF, decltype(&EVP_KDF_free)> kdf(EVP_KDF_fetch(nullptr, "SCRYPT", nullptr), &EVP_KDF_free);
  std::unique_ptr<EVP_KDF_CTX, decltype(&EVP_KDF_CTX_free)> context(kdf ? EVP_KDF_CTX_new(kdf.get()) : nullptr,
                                                                    &EVP_KDF_CTX_free);
  if (!context) return fail(ErrorKind::kInternal, "scrypt is not offered by the cryptographic library");
  uint64_t n = uint64_t{1} << with.log_n, memory = 2 * kMostMemory;
  uint32_t r = with.r, p = with.p;
  Bytes salt = with.salt, secret(password), out(size, '\0');
  OSSL_PARAM parameters[] = {OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, secret.data(), secret.size()),
                             OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt.data(), salt.size()),
                             OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
                             OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &r),
                             OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &p),
                             OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &memory),
                             OSSL_PARAM_construct_end()};
  int done = EVP_KDF_derive(context.get(), u8(out), out.size(), parameters);
  OPENSSL_cleanse(secret.data(), secret.size());
  if (done != 1) return fail(ErrorKind::kInternal, "scrypt failed: there is too little memory, most likely");
  return out;
}

/// "ln=15": the number.
Result<unsigned> parameter(std::string_view text, std::string_view name) {
  unsigned value = 0;
  if (text.starts_with(name) && text.substr(name.size()).starts_with('=')) {
    text.remove_prefix(name.size() + 1);
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc() && end == text.data() + text.size() && value > 0) return value;
  }
  return wrong("expected \"$scrypt$ln=15,r=8,p=1$<salt>$<hash>\"");
}

std::string_view take(std::string_view& text, char end) {
  auto part = text.substr(0, text.find(end));
  text.remove_prefix(std::min(text.size(), part.size() + 1));
  return part;
}

}  // namespace

Result<bool> ScryptHash::matches(std::string_view password) const {
  TRY_ASSIGN(auto found, scrypt(password, *this, hash.size()));
  return CRYPTO_memcmp(found.data(), hash.data(), hash.size()) == 0;
}

std::string ScryptHash::to_string() const {
  return fmt::format("$scrypt$ln={},r={},p={}${}${}", log_n, r, p, unpadded_base64(salt), unpadded_base64(hash));
}

Result<std::optional<ScryptHash>> parse_password_hash(std::string_view text) {
  for (std::string_view other : {"$argon2", "$2a$", "$2b$", "$2y$", "$pbkdf2"}) {
    if (text.starts_with(other)) {
      return wrong("of the password hashes only scrypt is offered: \"ipfs-cluster-service hash-password\" makes one");
    }
  }
  constexpr std::string_view kPrefix = "$scrypt$";
  if (!text.starts_with(kPrefix)) return std::nullopt;
  text.remove_prefix(kPrefix.size());
  auto costs = take(text, '$');
  ScryptHash out;
  TRY_ASSIGN(out.log_n, parameter(take(costs, ','), "ln"));
  TRY_ASSIGN(out.r, parameter(take(costs, ','), "r"));
  TRY_ASSIGN(out.p, parameter(costs, "p"));
  // Bounded one by one, so that the product cannot overflow.
  if (out.log_n > 24 || out.r > 64 || out.p > kMostParallel || (uint64_t{128} << out.log_n) * out.r > kMostMemory) {
    return wrong(fmt::format("the scrypt hash costs too much: at most {} MiB (128 * 2^ln * r bytes) and p={}",
                             kMostMemory >> 20, kMostParallel));
  }
  auto salt = from_unpadded_base64(take(text, '$'));
  auto hash = from_unpadded_base64(text);
  if (!salt || !hash || salt->size() < kMinSaltBytes || hash->size() < kMinHashBytes || salt->size() > kMaxBytes ||
      hash->size() > kMaxBytes) {
    return wrong(
        fmt::format("salt ({} to {} bytes) or hash ({} to {} bytes) of the scrypt hash are not base64 without "
                    "padding",
                    kMinSaltBytes, kMaxBytes, kMinHashBytes, kMaxBytes));
  }
  out.salt = *std::move(salt);
  out.hash = *std::move(hash);
  return out;
}

Result<ScryptHash> hash_password(std::string_view password) {
  ScryptHash out;
  out.salt.resize(kSaltBytes);
  if (RAND_bytes(u8(out.salt), static_cast<int>(out.salt.size())) != 1) {
    return fail(ErrorKind::kInternal, "no random numbers");
  }
  TRY_ASSIGN(out.hash, scrypt(password, out, kHashBytes));
  return out;
}

}  // namespace ipfsc::api::auth
