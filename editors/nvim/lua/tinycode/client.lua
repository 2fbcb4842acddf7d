-- The daemon as this editor's language server: started once for each folder, asked by commands.
--
-- What differs between versions of Neovim is here, and nowhere else.

local config = require("tinycode.config")

local M = {}

-- What waits until a buffer is attached, by its number.
local waiting = {}

local modern = vim.fn.has("nvim-0.11") == 1

local function capabilities()
  local can = vim.lsp.protocol.make_client_capabilities()
  can.general = can.general or {}
  -- As other servers count, since Neovim minds when those of one buffer differ.
  can.general.positionEncodings = { "utf-16" }
  can.experimental = { tinycode = { executions = true } }
  return can
end

local function root_of(bufnr)
  local path = vim.api.nvim_buf_get_name(bufnr)
  local folder = path ~= "" and vim.fn.fnamemodify(path, ":p:h") or vim.fn.getcwd()
  for _, marker in ipairs(config.options.root_markers) do
    for _, find in ipairs({ vim.fn.finddir, vim.fn.findfile }) do
      local found = find(marker, vim.fn.fnameescape(folder) .. ";")
      if found ~= "" then
        return (vim.fn.fnamemodify(found, ":p"):gsub("/$", ""):gsub("/[^/]*$", ""))
      end
    end
  end
  return folder
end

--- The client of this name that a buffer is attached to.
function M.of(bufnr)
  if modern then
    return vim.lsp.get_clients({ bufnr = bufnr, name = "tinycode" })[1]
  end
  for _, client in pairs(vim.lsp.buf_get_clients(bufnr)) do
    if client.name == "tinycode" then
      return client
    end
  end
end

-- Clients by folder, for versions that do not look for one by themselves.
local started = {}

-- Milliseconds that a question which is waited for may take.
local PATIENCE = 5000

--- A daemon that runs for any buffer: `ask` waits for its answer.
function M.any()
  local all = modern and vim.lsp.get_clients({ name = "tinycode" }) or vim.lsp.get_active_clients()
  for _, client in pairs(all) do
    if client.name == "tinycode" then
      return {
        ask = function(method, params)
          local arguments = { method, params, PATIENCE, vim.api.nvim_get_current_buf() }
          if modern then
            table.insert(arguments, 1, client)
          end
          local answer = client.request_sync(unpack(arguments))
          return answer and answer.result
        end,
      }
    end
  end
end

-- Variables added to the daemon's environment. Its key goes to the server of its environment alone, so that is set to
-- the one that is configured here.
local function environment()
  local env = config.options.env or {}
  local server = (config.options.session or {}).base_url
  if server and not env.OPENAI_BASE_URL then
    env = vim.tbl_extend("force", env, { OPENAI_BASE_URL = server })
  end
  return not vim.tbl_isempty(env) and env or nil
end

local function client_config(root)
  local executions = require("tinycode.executions")
  local sessions = require("tinycode.sessions")
  local session = config.options.session
  if session and vim.tbl_isempty(session) then
    session = nil -- which would be a list on the wire
  end
  return {
    name = "tinycode",
    cmd = config.options.cmd,
    cmd_env = environment(),
    root_dir = root,
    workspace_folders = { { uri = vim.uri_from_fname(root), name = vim.fn.fnamemodify(root, ":t") } },
    capabilities = capabilities(),
    init_options = { session = session, hints = false },
    handlers = {
      ["tinycode/execution"] = function(_, params, context)
        executions.on_execution(params, context.client_id)
        sessions.meet(params.session, function(done)
          M.request(vim.uri_to_bufnr(params.uri), "session.get", { session = params.session }, done)
        end)
      end,
      ["event"] = function(_, params)
        executions.on_event(params)
      end,
    },
    on_attach = function(client, bufnr)
      -- Newer ones do so by themselves.
      if not modern and vim.bo[bufnr].omnifunc:match("^python") or vim.bo[bufnr].omnifunc == "" then
        vim.bo[bufnr].omnifunc = "v:lua.vim.lsp.omnifunc"
      end
      for _, call in ipairs(waiting[bufnr] or {}) do
        call(client)
      end
      waiting[bufnr] = nil
    end,
    on_exit = function(_, _, client)
      started[root] = nil
      vim.schedule(function()
        executions.on_exit(client)
      end)
    end,
  }
end

--- Attaches a buffer to the daemon of its folder, which is started if there is none.
function M.attach(bufnr)
  if vim.fn.executable(config.options.cmd[1]) == 0 then
    vim.notify(
      ("tinycode: '%s' is not installed; :checkhealth tinycode says more"):format(config.options.cmd[1]),
      vim.log.levels.ERROR
    )
    return false
  end
  local root = root_of(bufnr)
  if vim.lsp.start then
    return vim.lsp.start(client_config(root), { bufnr = bufnr }) ~= nil
  end
  started[root] = started[root] or vim.lsp.start_client(client_config(root))
  if started[root] then
    vim.lsp.buf_attach_client(bufnr, started[root])
  end
  return started[root] ~= nil
end

local function with(bufnr, call)
  local client = M.of(bufnr)
  if client then
    return call(client)
  end
  waiting[bufnr] = waiting[bufnr] or {}
  table.insert(waiting[bufnr], call)
  if not M.attach(bufnr) then
    waiting[bufnr] = nil
  end
end

--- Asks the daemon of a buffer; `done` takes the answer. Errors are told to the user.
function M.request(bufnr, method, params, done)
  local function answered(err, answer)
    if err then
      local hint = type(err.data) == "table" and err.data.hint
      local text = "tinycode: " .. (err.message or tostring(err)) .. (hint and ("; " .. hint) or "")
      vim.notify(text, vim.log.levels.ERROR)
    elseif done then
      done(answer)
    end
  end
  with(bufnr, function(client)
    if modern then
      client:request(method, params, answered, bufnr)
    else
      client.request(method, params, answered, bufnr)
    end
  end)
end

--- Executes a command of the daemon's.
function M.execute(bufnr, command, arguments, done)
  arguments.uri = vim.uri_from_bufnr(bufnr)
  local params = { command = "tinycode." .. command, arguments = { arguments } }
  M.request(bufnr, "workspace/executeCommand", params, done)
end

return M
