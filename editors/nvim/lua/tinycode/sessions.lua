-- What users are told of the sessions that their files get.

local M = {}

-- Sessions that were met, by id.
local met = {}
-- What was told of missing enforcement: the same is told once, however many files it is true of.
local told = {}

local function missing(info)
  local sentences = table.concat(info.not_enforced or {}, "; ")
  return sentences ~= "" and sentences or nil
end

--- Takes a session that an execution is in; `ask` is called with a function that takes its SessionInfo, where that is
--- not known yet.
function M.meet(session, ask)
  if not session or met[session] then
    return
  end
  met[session] = true
  ask(function(info)
    local what = missing(info)
    if what and not told[what] then
      told[what] = true
      vim.notify("tinycode: not enforced on this system: " .. what, vim.log.levels.WARN)
    end
  end)
end

--- What is said of a session that the user asked for.
function M.describe(info)
  met[info.session] = true
  local what = missing(info)
  local sandbox = type(info.sandbox) == "string" and (", sandbox " .. info.sandbox) or ""
  return info.trust_level .. sandbox .. (what and "; not enforced on this system: " .. what or "")
end

return M
