#include "ipld/multiaddr.h"

#include <unordered_set>

#include "ipld/test_util.h"

namespace ipfsc::ipld {
namespace {

constexpr std::string_view kPeer = "12D3KooWQK1wnefoLrcVHbbnf5tLzbopUd3K3bFAoJpA7YJgL5pV";
constexpr std::string_view kPeerHex = "002408011220d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

Multiaddr addr(std::string_view text) { return Multiaddr::parse(text).value(); }
std::string with_peer(std::string_view text) { return std::string(text) + "/p2p/" + std::string(kPeer); }

TEST(Multiaddr, HasTheBinaryFormOfTheSpecification) {
  std::pair<std::string, std::string> cases[] = {
      {"/ip4/127.0.0.1/udp/1234", "047f000001910204d2"},
      {"/ip4/127.0.0.1/tcp/4321", "047f0000010610e1"},
      {"/ip4/0.0.0.0/tcp/0/ws", "0400000000060000dd03"},
      {"/ip6/2001:8a0:7ac5:4201:3ac9:86ff:fe31:7095/tcp/8000", "29200108a07ac542013ac986fffe317095061f40"},
      {"/ip6zone/eth0/ip6/fe80::1/tcp/80",
       "2a04657468302"
       "9fe800000000000000000000000000001060050"},
      {"/ip4/10.0.0.0/ipcidr/8", "040a0000002b08"},
      {"/dns4/example.org/tcp/443/wss", "360b6578616d706c652e6f72670601bbde03"},
      {"/dnsaddr/bootstrap.libp2p.io", "3813626f6f7473747261702e6c69627032702e696f"},
      {"/unix/a/b.sock", "9003092f612f622e736f636b"},
      {"/ip4/1.2.3.4/udp/443/quic-v1", "0401020304910201bbcd03"},
      {"/memory/1234", "890600000000000004d2"},
      {with_peer(""), "a50326" + std::string(kPeerHex)},
      {with_peer("/ip4/127.0.0.1/tcp/9096"),
       "047f00000106"
       "2388"
       "a50326" +
           std::string(kPeerHex)},
  };
  for (const auto& [text, binary] : cases) {
    auto parsed = Multiaddr::parse(text);
    ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
    EXPECT_EQ(to_hex(parsed->bytes()), binary) << text;
    EXPECT_EQ(parsed->to_string(), text);
    EXPECT_EQ(Multiaddr::from_bytes(hex(binary)), *parsed);
  }
}

TEST(Multiaddr, WritesTheCanonicalText) {
  std::pair<std::string, std::string> cases[] = {
      {"/ip4/1.2.3.4/tcp/080/", "/ip4/1.2.3.4/tcp/80"},
      {"/ip6/0:0:0:0:0:0:0:1/tcp/1", "/ip6/::1/tcp/1"},
      {"/ip6/::FFFF:1.2.3.4/tcp/1", "/ip6/::ffff:1.2.3.4/tcp/1"},
      {"/ipfs/" + std::string(kPeer), with_peer("")},
      {"/p2p/k51qzi5uqu5dljtg5upm7x7ugan9lql3ewyknv4r4mhhkwzn8n7cnbd1unfwgq", with_peer("")},
      {"/unix/tmp/x/", "/unix/tmp/x"},
      {"/certhash/f00020102", "/certhash/uAAIBAg"},
  };
  for (const auto& [text, canonical] : cases) EXPECT_EQ(addr(text).to_string(), canonical);
}

TEST(Multiaddr, KnowsWhatKuboListens) {
  for (std::string_view text :
       {"/ip4/1.2.3.4/udp/4001/quic-v1/webtransport/certhash/uEiDKl4ESyhu9yvrCMbOaI9xNp4bv-BR8TnK5gHeFr-5Iuw/certhash/"
        "uEiA-I-gWADlZSjOJT2Vk4bE0i716AIjULErLc-6u1ZwAnQ",
        "/ip4/1.2.3.4/udp/4001/webrtc-direct/certhash/uEiDKl4ESyhu9yvrCMbOaI9xNp4bv-BR8TnK5gHeFr-5Iuw",
        "/ip4/1.2.3.4/tcp/4001/tls/sni/a.example/ws", "/dns/a.example/tcp/443/https", "/ip4/1.2.3.4/tcp/80/http",
        "/ip4/1.2.3.4/tcp/1/p2p/12D3KooWQK1wnefoLrcVHbbnf5tLzbopUd3K3bFAoJpA7YJgL5pV/p2p-circuit"}) {
    EXPECT_EQ(addr(text).to_string(), text);
  }
}

TEST(Multiaddr, RefusesWhatIsNone) {
  std::pair<std::string, std::string> cases[] = {
      {"", "must begin with /"},
      {"/", "empty"},
      {"///", "empty"},
      {"ip4/1.2.3.4", "must begin with /"},
      {"127.0.0.1:80", "must begin with /"},
      {"//ip4/1.2.3.4", "no protocol with name \"\""},
      {"/nope/1", "no protocol with name \"nope\""},
      {"/ip4", "ip4 needs a value"},
      {"/ip4/1.2.3", "ip4: \"1.2.3\" is not an IPv4 address"},
      {"/ip4/1.2.3.256", "is not an IPv4 address"},
      {"/ip4//tcp/1", "is not an IPv4 address"},
      {"/ip6/1.2.3.4", "is not an IPv6 address"},
      {"/ip6/fe80::1%eth0", "is not an IPv6 address"},
      {"/ip4/1.2.3.4/tcp", "tcp needs a value"},
      {"/ip4/1.2.3.4/tcp/65536", "from 0 to 65535"},
      {"/ip4/1.2.3.4/tcp/-1", "from 0 to 65535"},
      {"/ip4/1.2.3.4/tcp/+1", "from 0 to 65535"},
      {"/ip4/1.2.3.4/tcp/a", "from 0 to 65535"},
      {"/ip4/1.2.3.4/tcp//", "tcp needs a value"},
      {"/ip4/1.2.3.4/ipcidr/256", "from 0 to 255"},
      {"/p2p/x", "p2p: failed to parse peer ID"},
      {"/unix", "unix needs a value"},
      {"/unix/", "unix needs a value"},
      {"/dns4/a\nb", "not a name"},
      {"/certhash/x", "certhash"},
      {"/memory/18446744073709551616", "not a number"},
  };
  for (const auto& [text, why] : cases) {
    auto parsed = Multiaddr::parse(text);
    EXPECT_EQ(kind(parsed), ErrorKind::kInvalidArgument) << text;
    EXPECT_THAT(message(parsed), testing::HasSubstr(why)) << text;
  }
  EXPECT_FALSE(Multiaddr::parse("/unix/" + std::string(5000, 'x')).has_value());
  EXPECT_FALSE(Multiaddr::parse("/unix/" + std::string(50'000, 'x')).has_value());
  for (std::string_view binary : {"", "04", "047f0000", "06", "0610", "ff7f", "a50300", "a50301ff", "3600",
                                  "36026162"
                                  "ff",
                                  "90030161", "9003012f", "9003032f612f", "9003022f61060050", "840004", "36022f61"}) {
    EXPECT_EQ(kind(Multiaddr::from_bytes(hex(binary))), ErrorKind::kInvalidArgument) << binary;
  }
}

TEST(Multiaddr, TheLongestOnesComeBackToo) {
  auto times = [](size_t count, std::string_view part) {
    std::string text;
    for (size_t i = 0; i < count; ++i) text += part;
    return text;
  };
  // Of 17 and of 2 bytes.
  for (const auto& text : {times(240, "/ip6/::255.255.255.255"), times(2048, "/p2p-webrtc-direct")}) {
    Multiaddr address = addr(text);
    EXPECT_EQ(address.to_string(), text);
    EXPECT_EQ(Multiaddr::from_bytes(address.bytes()), address);
  }
  for (const auto& text : {times(241, "/ip6/::"), times(2049, "/ws")}) {
    EXPECT_THAT(message(Multiaddr::parse(text)), testing::HasSubstr("its binary form is longer")) << text.size();
  }
}

TEST(Multiaddr, TellsHostAndPort) {
  struct {
    std::string_view text, host;
    uint16_t port;
    bool is_dns;
    int ip_version;
  } cases[] = {
      {"/ip4/127.0.0.1/tcp/5001", "127.0.0.1", 5001, false, 4},
      {"/ip6/::1/tcp/80/http", "::1", 80, false, 6},
      {"/dns/kubo/tcp/5001", "kubo", 5001, true, 0},
      {"/dns4/kubo/tcp/65535/tls", "kubo", 65535, true, 4},
      {"/dns6/kubo/tcp/1", "kubo", 1, true, 6},
      {"/ip6zone/eth0/ip6/fe80::1/tcp/2", "fe80::1", 2, false, 6},
  };
  for (const auto& c : cases) {
    auto tcp = addr(c.text).tcp();
    ASSERT_TRUE(tcp.has_value()) << c.text;
    EXPECT_EQ(tcp->host, c.host);
    EXPECT_EQ(tcp->port, c.port);
    EXPECT_EQ(tcp->is_dns, c.is_dns);
    EXPECT_EQ(tcp->ip_version, c.ip_version);
  }
  for (std::string_view text : {"/ip4/1.2.3.4", "/ip4/1.2.3.4/udp/1", "/unix/a", "/tcp/1", "/dnsaddr/x/tcp/1"}) {
    EXPECT_FALSE(addr(text).tcp().has_value()) << text;
  }
  EXPECT_FALSE(Multiaddr().tcp().has_value());
  EXPECT_EQ(addr("/unix/run/api.sock").unix_path(), "/run/api.sock");
  EXPECT_EQ(addr("/ip4/1.2.3.4/tcp/1").unix_path(), std::nullopt);
  EXPECT_TRUE(addr("/dns/x/tcp/1/tls/ws").has("tls"));
  EXPECT_FALSE(addr("/dns/x/tcp/1/ws").has("tls"));
  EXPECT_FALSE(addr("/dns/x/tcp/1/ws").has("nope"));
}

TEST(Multiaddr, TellsThePeerAtItsEnd) {
  PeerId peer = PeerId::parse(kPeer).value();
  Multiaddr plain = addr("/ip4/1.2.3.4/tcp/1");
  Multiaddr full = addr(with_peer("/ip4/1.2.3.4/tcp/1"));
  EXPECT_EQ(full.peer_id(), peer);
  EXPECT_EQ(plain.peer_id(), std::nullopt);
  EXPECT_EQ(full.without_peer_id(), plain);
  EXPECT_EQ(plain.without_peer_id(), plain);
  EXPECT_EQ(plain.with_peer_id(peer), full);
  EXPECT_EQ(full.with_peer_id(peer), full);
  EXPECT_EQ(addr(with_peer("/ip4/1.2.3.4/tcp/1") + "/p2p-circuit").peer_id(), std::nullopt);
  EXPECT_EQ(addr(with_peer("")).without_peer_id(), Multiaddr());
  EXPECT_THAT(full.parts(), testing::ElementsAre(Multiaddr::Part{4, "ip4", "1.2.3.4"}, Multiaddr::Part{6, "tcp", "1"},
                                                 Multiaddr::Part{421, "p2p", std::string(kPeer)}));
  EXPECT_EQ((std::unordered_set<Multiaddr>{plain, full, plain}).size(), 2);
}

TEST(Multiaddr, ParsedOnesComeBack) {
  Random random(10);
  const std::string texts[] = {with_peer("/ip4/1.2.3.4/tcp/1"),
                               "/ip6/::1/udp/1/quic-v1",
                               "/unix/a/b",
                               "/dns4/a.b/tcp/443/wss",
                               "/memory/7",
                               "/certhash/uAAIBAg",
                               "/ip4/10.0.0.0/ipcidr/8"};
  size_t good = 0;
  for (int i = 0; i < 50000; ++i) {
    const std::string& text = texts[random.below(std::size(texts))];
    auto check = [&](const Result<Multiaddr>& parsed) {
      if (!parsed) return;
      ++good;
      ASSERT_EQ(Multiaddr::parse(parsed->to_string()), *parsed);
      ASSERT_EQ(Multiaddr::from_bytes(parsed->bytes()), *parsed);
    };
    check(Multiaddr::parse(random.mutate(text)));
    check(Multiaddr::from_bytes(random.mutate(addr(text).bytes())));
  }
  EXPECT_GT(good, 1000);
}

}  // namespace
}  // namespace ipfsc::ipld
