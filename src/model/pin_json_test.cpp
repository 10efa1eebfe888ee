#include "model/pin_json.h"

#include <gtest/gtest.h>

#include "model/json_writer.h"
#include "model/pin_proto.h"
#include "proto/pin.pb.h"

namespace ipfsc::model {
namespace {

constexpr std::string_view kExample =
    R"({"replication_factor_min":2,"replication_factor_max":3,"name":"docs","mode":"recursive","shard_size":0,)"
    R"("user_allocations":null,"expire_at":"0001-01-01T00:00:00Z","metadata":{"team":"web"},"pin_update":null,)"
    R"("origins":[],"cid":"QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq","type":"pin",)"
    R"("allocations":["12D3KooWGHTKzeT4KaLGLrbKKyT8zKrBPXAUBRzCAN6ZMDMo4M6M"],"max_depth":-1,"reference":null,)"
    R"("timestamp":"2026-01-02T03:04:05Z"})";

TEST(PinJson, RoundTripKeepsGosFieldOrder) {
  auto pin = pin_from_json(kExample);
  ASSERT_TRUE(pin) << pin.error().message;
  std::string out;
  append_json(out, *pin);
  EXPECT_EQ(out, kExample);
}

TEST(PinJson, AnswerToARequestSpellsNothingDifferently) {
  auto pin = pin_from_json(kExample).value();
  pin.options.metadata.clear();
  pin.options.user_allocations = pin.allocations;
  std::string out;
  append_json(out, pin, PinJsonStyle::kRequest);
  EXPECT_NE(out.find(R"("metadata":{})"), std::string::npos);
  EXPECT_NE(out.find(R"("origins":null)"), std::string::npos);
  EXPECT_NE(out.find(R"("user_allocations":["12D3KooWGHTKzeT4KaLGLrbKKyT8zKrBPXAUBRzCAN6ZMDMo4M6M"])"),
            std::string::npos);
}

TEST(PinJson, QuotesInOriginsAreEscaped) {
  auto pin = pin_from_json(kExample).value();
  pin.options.origins = {ipld::Multiaddr::parse(R"(/dns4/a"],"\/tcp/1)").value(),
                         ipld::Multiaddr::parse("/unix/a \"b").value()};
  std::string out;
  append_json(out, pin);
  EXPECT_EQ(pin_from_json(out).value(), pin);
}

TEST(PinJson, MissingTypeAndDepthAreAPinAsAskedFor) {
  auto pin = pin_from_json(R"({"cid":"QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq"})").value();
  EXPECT_EQ(pin.type, PinType::kData);
  EXPECT_EQ(pin.max_depth, kDepthRecursive);
  auto direct = pin_from_json(R"({"cid":"QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq","mode":"direct"})").value();
  EXPECT_EQ(direct.max_depth, kDepthDirect);
}

TEST(PinJson, BadInputNamesTheField) {
  const std::pair<const char*, const char*> cases[] = {
      {"[]", "expected a JSON object"},
      {"{", "not a JSON object"},
      {"{}", "cid: missing"},
      {R"({"cid":{"/":"Qm"}})", "cid: expected a string"},
      {R"({"cid":"QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq","type":2})", "type: expected a string"},
      {R"({"cid":"QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq","type":"x"})", "type: unknown pin type"},
      {R"({"cid":"QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq","allocations":["x"]})", "allocations: "},
      {R"({"cid":"QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq","max_depth":1.5})", "max_depth: "},
      {R"({"cid":"QmP63DkAFEnDYNjDYBpyNDfttu1fvUw99x1brscPzpqmmq","expire_at":"soon"})", "expire_at: "},
  };
  for (const auto& [text, message] : cases) {
    auto pin = pin_from_json(text);
    ASSERT_FALSE(pin) << text;
    EXPECT_EQ(pin.error().message.find(message), 0u) << pin.error().message;
  }
}

TEST(PinProto, RoundTrip) {
  auto pin = pin_from_json(kExample).value();
  pin.options.expire_at = WallTime(std::chrono::seconds(1800000000));
  pin.options.pin_update = pin.cid;
  pin.reference = pin.cid;
  pin.options.origins.push_back(
      ipld::Multiaddr::parse("/ip4/1.2.3.4/tcp/4001/p2p/12D3KooWGHTKzeT4KaLGLrbKKyT8zKrBPXAUBRzCAN6ZMDMo4M6M").value());
  proto::Pin message;
  to_proto(pin, &message);
  EXPECT_EQ(pin_from_proto(message).value(), pin);
  message.set_cid("nonsense");
  EXPECT_FALSE(pin_from_proto(message));
}

TEST(JsonWriter, EscapesAsGoDoes) {
  std::string out;
  append_json_string(out, "a\"b\\c\n\x01<&>\xe2\x80\xa8 \xc3\xa9 \xff");
  EXPECT_EQ(out, "\"a\\\"b\\\\c\\n\\u0001\\u003c\\u0026\\u003e\\u2028 \xc3\xa9 \\ufffd\"");
}

}  // namespace
}  // namespace ipfsc::model
