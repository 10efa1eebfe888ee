#include "state/sources.h"

#include "state/codec.h"
#include "state/past.h"
#include "state/stored_pin.h"

namespace ipfsc::state {
namespace {

/// The offset of the CID behind the fixed prefix; nullopt when the key is damaged.
std::optional<size_t> cid_offset(ByteView key, KeyShape shape, size_t strip) {
  ByteView rest = key;
  switch (shape) {
    case KeyShape::kCid:
    case KeyShape::kClaim:
      return strip;
    case KeyShape::kSeconds:
      return key.size() < 5 ? std::nullopt : std::optional<size_t>(5);
    case KeyShape::kTwoTexts:
      if (!take_text(rest)) return std::nullopt;
      [[fallthrough]];
    case KeyShape::kText:
      if (!take_text(rest)) return std::nullopt;
      return key.size() - rest.size();
  }
  return std::nullopt;
}

class RangeSource final : public Source {
 public:
  RangeSource(FamilyId family, Bytes lower, Bytes upper, size_t strip, KeyShape shape)
      : family_(family), lower_(std::move(lower)), upper_(std::move(upper)), strip_(strip), shape_(shape) {}

  Result<> open(const Store& store, const storage::Snapshot& snapshot, ByteView after) override {
    it_ = store.iterate(family_, {.snapshot = &snapshot,
                                  .lower = lower_,
                                  .upper = upper_,
                                  .fill_cache = family_ != kPins,
                                  .readahead_bytes = family_ == kPins ? size_t{256} << 10 : 0});
    if (after.empty()) {
      it_.seek_to_first();
      return settle();
    }
    Bytes target = lower_.substr(0, strip_);
    target.append(after);
    if (shape_ == KeyShape::kClaim) {  // the position is the CID: behind all claims on it
      it_.seek(storage::prefix_end(target));
    } else {
      it_.seek(target);
      if (it_.valid() && it_.key() == target) it_.next();
    }
    return settle();
  }
  void close() override { it_.reset(); }
  bool valid() const override { return it_.valid(); }
  Result<> next() override {
    if (shape_ == KeyShape::kClaim) {
      Bytes cid(cid_);
      while (it_.valid() && it_.key().starts_with(cid)) it_.next();
    } else {
      it_.next();
    }
    return settle();
  }
  Result<> status() const override { return it_.status(); }
  ByteView cid() const override { return cid_; }
  ByteView position() const override { return shape_ == KeyShape::kClaim ? cid_ : it_.key().substr(strip_); }
  ByteView row() const override { return family_ == kPins ? it_.value() : ByteView(); }

 private:
  Result<> settle() {
    if (!it_.valid()) return {};
    auto offset = cid_offset(it_.key(), shape_, strip_);
    if (!offset) return bad_row("index key");
    cid_ = it_.key().substr(*offset);
    if (shape_ == KeyShape::kClaim) {
      ByteView rest = cid_;
      auto cid = ipld::Cid::take(rest);
      if (!cid) return bad_row("claim key");
      cid_ = cid_.substr(0, cid_.size() - rest.size());
    }
    return {};
  }

  const FamilyId family_;
  const Bytes lower_, upper_;
  const size_t strip_;
  const KeyShape shape_;
  storage::Iterator it_;
  ByteView cid_;
};

/// Two sources in the order of CIDs as one; the same CID in both is one candidate, the left one's.
class MergedSource {
 public:
  void settle() {
    bool left = left_.valid(), right = right_.valid();
    take_left_ = left && (!right || left_cid() <= right_cid());
    take_right_ = right && (!left || right_cid() <= left_cid());
  }
  ByteView left_cid() const { return left_.key().substr(left_strip_); }
  ByteView right_cid() const { return right_.key().substr(right_strip_); }

  storage::Iterator left_, right_;
  size_t left_strip_ = 0, right_strip_ = 0;
  bool take_left_ = false, take_right_ = false;

  bool valid() const { return take_left_ || take_right_; }
  ByteView cid() const { return take_left_ ? left_cid() : right_cid(); }
  void next() {
    if (take_left_) left_.next();
    if (take_right_) right_.next();
    settle();
  }
  void seek_behind(ByteView left_prefix, ByteView right_prefix, ByteView after) {
    left_strip_ = left_prefix.size();
    right_strip_ = right_prefix.size();
    // No CID starts with another: the first key behind it is the next CID.
    left_.seek(Bytes(left_prefix).append(after));
    right_.seek(Bytes(right_prefix).append(after));
    settle();
    if (!after.empty() && valid() && cid() == after) next();
  }
  Result<> status() const {
    TRY(left_.status());
    return right_.status();
  }
  void reset() {
    left_.reset();
    right_.reset();
    take_left_ = take_right_ = false;
  }
};

class PeerSource final : public Source {
 public:
  explicit PeerSource(PeerNumber peer) : peer_(peer) {}

  Result<> open(const Store& store, const storage::Snapshot& snapshot, ByteView after) override {
    Bytes everywhere = key::by_peer(PeerNumber(0), {});
    // An unknown peer has number 0 too: then both sides are the same and merge into one.
    Bytes own = key::by_peer(peer_, {});
    merged_.left_ = store.iterate(kByPeer, {.snapshot = &snapshot, .lower = own, .upper = storage::prefix_end(own)});
    merged_.right_ =
        store.iterate(kByPeer, {.snapshot = &snapshot, .lower = everywhere, .upper = storage::prefix_end(everywhere)});
    merged_.seek_behind(own, everywhere, after);
    return {};
  }
  void close() override { merged_.reset(); }
  bool valid() const override { return merged_.valid(); }
  Result<> next() override {
    merged_.next();
    return {};
  }
  Result<> status() const override { return merged_.status(); }
  ByteView cid() const override { return merged_.cid(); }
  ByteView position() const override { return merged_.cid(); }
  ByteView row() const override { return {}; }

 private:
  const PeerNumber peer_;
  MergedSource merged_;
};

class PastSource final : public Source {
 public:
  explicit PastSource(WallTime time) : time_(time) {}

  Result<> open(const Store& store, const storage::Snapshot& snapshot, ByteView after) override {
    store_ = &store;
    snapshot_ = &snapshot;
    TRY_ASSIGN(auto head, store.head(snapshot));
    TRY_ASSIGN(then_, revision_at(store, head, time_, &snapshot));
    merged_.left_ = store.iterate(kPins, {.snapshot = &snapshot, .fill_cache = false});
    merged_.right_ = store.iterate(kRemoved, {.snapshot = &snapshot, .fill_cache = false});
    merged_.seek_behind({}, {}, after);
    return settle();
  }
  void close() override { merged_.reset(); }
  bool valid() const override { return merged_.valid(); }
  Result<> next() override {
    merged_.next();
    return settle();
  }
  Result<> status() const override { return merged_.status(); }
  ByteView cid() const override { return merged_.cid(); }
  ByteView position() const override { return merged_.cid(); }
  ByteView row() const override { return row_; }

 private:
  /// Goes on to the next CID that had a pin then.
  Result<> settle() {
    for (; merged_.valid(); merged_.next()) {
      ByteView now;
      Revision last = 0;
      if (merged_.take_left_) {
        now = merged_.left_.value();
        TRY_ASSIGN(auto view, PinView::read(now));
        last = view.revision;
      } else {
        last = Reader(merged_.right_.value()).number();
      }
      TRY_ASSIGN(row_, row_at(*store_, then_, last, now, snapshot_));
      if (!row_.empty()) return {};
    }
    return {};
  }

  const WallTime time_;
  const Store* store_ = nullptr;
  const storage::Snapshot* snapshot_ = nullptr;
  Revision then_ = 0;
  MergedSource merged_;
  Bytes row_;
};

}  // namespace

std::unique_ptr<Source> range_source(FamilyId family, Bytes lower, Bytes upper, size_t strip, KeyShape shape) {
  return std::make_unique<RangeSource>(family, std::move(lower), std::move(upper), strip, shape);
}
std::unique_ptr<Source> peer_source(PeerNumber peer) { return std::make_unique<PeerSource>(peer); }
std::unique_ptr<Source> past_source(WallTime time) { return std::make_unique<PastSource>(time); }

}  // namespace ipfsc::state
