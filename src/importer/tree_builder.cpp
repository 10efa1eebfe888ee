#include <map>

#include "base/check.h"
#include "fmt/format.h"
#include "importer/emit.h"
#include "importer/importer.h"
#include "ipld/unixfs.h"

namespace ipfsc::importer {

struct TreeBuilder::Entry {
  ipld::Cid cid;  // of a directory only when it is sealed
  uint64_t cumulative_size = 0;
  bool is_directory = false;
  std::unique_ptr<Directory> open;  // a directory that may still get entries
};

struct TreeBuilder::Directory {
  std::map<std::string, Entry, std::less<>> children;  // bytewise, the order of a canonical directory
  uint64_t estimated_bytes = 0;                        // as Kubo counts for HAMT: names and binary CIDs
};

namespace {

std::string join(const std::vector<std::string_view>& path) {
  std::string out;
  for (auto name : path) {
    if (!out.empty()) out += '/';
    out += name;
  }
  return out;
}

// Paths come from outside and may be long or odd: cut short for a message.
std::string shown(std::string_view path) {
  constexpr size_t kMaxShownBytes = 200;
  if (path.size() <= kMaxShownBytes) return fmt::format("'{}'", path);
  return fmt::format("'{}…' ({} bytes)", path.substr(0, kMaxShownBytes), path.size());
}

std::unexpected<Error> invalid(std::string_view path, std::string_view why) {
  return fail(ErrorKind::kInvalidArgument, fmt::format("path {}: {}", shown(path), why));
}

}  // namespace

TreeBuilder::TreeBuilder(ImportOptions validated, BlockSink sink)
    : options_(std::move(validated)), sink_(std::move(sink)), top_(std::make_unique<Directory>()) {}
TreeBuilder::TreeBuilder(TreeBuilder&&) noexcept = default;
TreeBuilder::~TreeBuilder() = default;

Result<TreeBuilder::Components> TreeBuilder::split(std::string_view path) const {
  auto whole = path;
  if (path.starts_with('/')) path.remove_prefix(1);
  Components components;
  while (!path.empty()) {
    auto name = path.substr(0, path.find('/'));
    bool last = name.size() == path.size();
    if (name.empty()) return invalid(whole, "an empty name between two slashes");
    if (!last && name.size() + 1 == path.size()) return invalid(whole, "ends with a slash");
    if (name == "." || name == "..") return invalid(whole, fmt::format("'{}' is not a name", name));
    if (name.find('\0') != name.npos) return invalid(whole, "a name with a zero byte");
    if (name.size() > options_.max_name_bytes) {
      return invalid(whole, fmt::format("a name of {} bytes, the limit is {}", name.size(), options_.max_name_bytes));
    }
    if (components.size() == options_.max_depth) {
      return invalid(whole, fmt::format("more than {} names deep", options_.max_depth));
    }
    components.push_back(name);
    path.remove_prefix(last ? name.size() : name.size() + 1);
  }
  return components;
}

// Without wrap, top-level entries are complete one after another: another name ends the open directory.
Result<> TreeBuilder::begin_top_level(const Components& path, bool is_directory, Reports& out) {
  CHECK(!finished_);
  if (options_.wrap) return {};
  bool in_directory = path.size() > 1 || is_directory;
  if (!path.empty() && path[0] == open_top_level_) return {};
  TRY(end_top_level(out));
  if (in_directory) open_top_level_ = path[0];
  return {};
}

Result<> TreeBuilder::end_top_level(Reports& out) {
  auto name = std::exchange(open_top_level_, {});
  if (name.empty()) return {};
  auto& entry = top_->children.find(name)->second;
  TRY(seal(entry, name, out));
  root_ = out.back();
  return {};
}

Result<TreeBuilder::Entry*> TreeBuilder::new_entry(Directory& parent, std::string_view name, const Components& path) {
  if (entries_ == options_.max_entries) {
    return fail(ErrorKind::kResourceExhausted,
                fmt::format("path {}: more than {} files and directories in one upload", shown(join(path)), entries_));
  }
  entries_++;
  parent.estimated_bytes += name.size();
  return &parent.children[std::string(name)];
}

Result<TreeBuilder::Directory*> TreeBuilder::open_directory(const Components& path) {
  Directory* directory = top_.get();
  for (auto name : path) {
    auto found = directory->children.find(name);
    if (found == directory->children.end()) {
      TRY_ASSIGN(Entry * entry, new_entry(*directory, name, path));
      entry->is_directory = true;
      entry->open = std::make_unique<Directory>();
      directory = entry->open.get();
    } else if (!found->second.is_directory) {
      return invalid(join(path), fmt::format("{} was added as a file already, not as a directory", shown(name)));
    } else if (found->second.open == nullptr) {
      return invalid(join(path), fmt::format("directory {} is complete already: the entries of one top-level directory "
                                             "must follow each other unless the upload is wrapped",
                                             shown(name)));
    } else {
      directory = found->second.open.get();
    }
  }
  return directory;
}

Result<> TreeBuilder::put_leaf(const Components& path, const AddedNode& node) {
  auto parents = path;
  if (!parents.empty()) parents.pop_back();
  TRY_ASSIGN(Directory * parent, open_directory(parents));
  std::string unnamed = path.empty() ? node.cid.to_string() : "";
  std::string_view name = path.empty() ? unnamed : path.back();
  if (auto found = parent->children.find(name); found != parent->children.end()) {
    if (found->second.is_directory) return invalid(node.name, "was added as a directory already, not as a file");
    if (found->second.cid != node.cid) return invalid(node.name, "was added already with other content");
  } else {
    TRY_ASSIGN(Entry * entry, new_entry(*parent, name, path));
    entry->cid = node.cid;
    entry->cumulative_size = node.cumulative_size;
    parent->estimated_bytes += node.cid.bytes().size();
    if (options_.wrap || path.size() > 1) TRY(check_directory_size(*parent, join(parents)));
  }
  if (!options_.wrap && path.size() <= 1) root_ = node;
  return {};
}

Result<> TreeBuilder::check_directory_size(const Directory& directory, std::string_view path) const {
  if (directory.estimated_bytes <= options_.max_directory_bytes) return {};
  return fail(
      ErrorKind::kUnimplemented,
      fmt::format("directory {}: {} entries come to {} bytes of names and CIDs; above {} bytes it would have to "
                  "be sharded (HAMT), which is not offered yet",
                  shown(path), directory.children.size(), directory.estimated_bytes, options_.max_directory_bytes));
}

Result<std::vector<AddedNode>> TreeBuilder::add_file(std::string_view path, const FileRoot& root) {
  CHECK(!root.cid.empty());
  Reports out;
  TRY_ASSIGN(auto components, split(path));
  TRY(begin_top_level(components, false, out));
  AddedNode node{join(components), root.cid, root.cumulative_size};
  TRY(put_leaf(components, node));
  if (components.empty() && options_.wrap) node.name = node.cid.to_string();
  out.push_back(std::move(node));
  return out;
}

Result<std::vector<AddedNode>> TreeBuilder::add_symlink(std::string_view path, std::string_view target) {
  Reports out;
  TRY_ASSIGN(auto components, split(path));
  if (target.size() > options_.max_symlink_bytes) {
    return invalid(
        path, fmt::format("a symlink to {} bytes of path, the limit is {}", target.size(), options_.max_symlink_bytes));
  }
  TRY(begin_top_level(components, false, out));
  Bytes block =
      ipld::encode_pb({.data = ipld::encode_unixfs({.type = ipld::UnixFsType::kSymlink, .data = Bytes(target)})});
  AddedNode node{.name = join(components), .cumulative_size = block.size()};
  TRY_ASSIGN(node.cid, emit(sink_, options_.cid_version, ipld::kDagPb, options_.hash_code, std::move(block)));
  TRY(put_leaf(components, node));
  if (components.empty() && options_.wrap) node.name = node.cid.to_string();
  out.push_back(std::move(node));
  return out;
}

Result<std::vector<AddedNode>> TreeBuilder::add_directory(std::string_view path) {
  Reports out;
  auto trimmed = path.size() > 1 && path.ends_with('/') ? path.substr(0, path.size() - 1) : path;
  TRY_ASSIGN(auto components, split(trimmed));
  if (components.empty()) return invalid(path, "a directory needs a name");
  TRY(begin_top_level(components, true, out));
  TRY(open_directory(components));
  return out;
}

// The place where a directory above max_directory_bytes would become a HAMT.
Result<> TreeBuilder::seal(Entry& entry, const std::string& path, Reports& out) {
  auto directory = std::move(entry.open);
  ipld::PbNode node{.data = ipld::encode_unixfs({.type = ipld::UnixFsType::kDirectory})};
  node.links.reserve(directory->children.size());
  for (auto& [name, child] : directory->children) {
    if (child.open != nullptr) {
      TRY(seal(child, path.empty() ? name : path + "/" + name, out));
      directory->estimated_bytes += child.cid.bytes().size();
    }
    node.links.push_back({.cid = child.cid, .name = name, .tsize = child.cumulative_size});
    entry.cumulative_size += child.cumulative_size;
  }
  TRY(check_directory_size(*directory, path));
  Bytes block = ipld::encode_pb(node);
  entry.cumulative_size += block.size();
  TRY_ASSIGN(entry.cid, emit(sink_, options_.cid_version, ipld::kDagPb, options_.hash_code, std::move(block)));
  out.push_back({path, entry.cid, entry.cumulative_size});
  return {};
}

Result<std::vector<AddedNode>> TreeBuilder::finish() {
  CHECK(!finished_);
  finished_ = true;
  Reports out;
  if (options_.wrap) {
    Entry wrapping{.is_directory = true, .open = std::move(top_)};
    TRY(seal(wrapping, "", out));
    root_ = out.back();
  } else {
    if (top_->children.empty()) return fail(ErrorKind::kInvalidArgument, "the upload has no files");
    TRY(end_top_level(out));
  }
  return out;
}

}  // namespace ipfsc::importer
