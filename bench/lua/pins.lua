-- POST /pins/{cid}@QUERY@ for the CIDs of a file, from the first to the last, then again.
local cids = {}
for line in io.lines("@FILE@") do cids[#cids + 1] = line end
local at = 0
request = function()
  at = at % #cids + 1
  return wrk.format("@METHOD@", "/pins/" .. cids[at] .. "@QUERY@")
end
