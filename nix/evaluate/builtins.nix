# The language that agent.nix is written in here: Nix without the clock, the machine, the network and the store, and
# with files only of the agent's own tree. The sandbox around it is the boundary; this gives clear errors, and the
# same answer everywhere.
{ tree }:
let
  host = builtins;

  pure = [
    "abort" "add" "addErrorContext" "all" "any" "attrNames" "attrValues" "baseNameOf" "bitAnd" "bitOr" "bitXor"
    "catAttrs" "ceil" "compareVersions" "concatLists" "concatMap" "concatStringsSep" "convertHash" "deepSeq" "dirOf"
    "div" "elem" "elemAt" "false" "filter" "floor" "foldl'" "fromJSON" "fromTOML" "functionArgs" "genList"
    "genericClosure" "getAttr" "groupBy" "hasAttr" "hashString" "head" "intersectAttrs" "isAttrs" "isBool" "isFloat"
    "isFunction" "isInt" "isList" "isNull" "isPath" "isString" "langVersion" "length" "lessThan" "listToAttrs" "map"
    "mapAttrs" "match" "mul" "nixVersion" "null" "parseDrvName" "partition" "removeAttrs" "replaceStrings" "seq"
    "sort" "split" "splitVersion" "stringLength" "sub" "substring" "tail" "throw" "toJSON" "toString" "trace" "true"
    "tryEval" "typeOf" "unsafeGetAttrPos" "zipAttrsWith"
  ];

  inTree = verb: path:
    let
      text = toString path;
      real = toString (/. + text);
    in
    if !(host.isPath path || host.isString path) || host.substring 0 1 text != "/" then
      throw "${verb}: a path such as ./file is needed, not ${host.typeOf path}"
    else if real == tree || host.substring 0 (host.stringLength tree + 1) real == "${tree}/" then
      /. + real
    else
      throw "${verb}: ${real} lies outside the agent's files; only files of its own repository can be read";

  existing = verb: path:
    let real = inTree verb path; in
    if host.pathExists real then real else throw "${verb}: ${toString real} does not exist";

  allowed = host.intersectAttrs (host.listToAttrs (map (name: { inherit name; value = null; }) pure)) host // {
    import = load;
    readFile = path: host.readFile (existing "readFile" path);
    readDir = path: host.readDir (existing "readDir" path);
    pathExists = path: host.pathExists (inTree "pathExists" path);
    builtins = allowed // refused;
  };

  refusal = name: throw "builtins.${name} is not available in agent.nix: it depends on more than the agent's own files";
  refused = host.mapAttrs (name: _: refusal name) (host.removeAttrs (host // {
    exec = null;
    importNative = null;
    getFlake = null;
    currentTime = null;
  }) (host.attrNames allowed));

  # Every builtin is also a variable with two underscores before it; some are variables without.
  underscored = host.listToAttrs (map
    (name: {
      name = "__${name}";
      value = allowed.${name} or refused.${name};
    })
    (host.attrNames (allowed // refused)));
  plain = {
    inherit (allowed)
      abort baseNameOf builtins dirOf false fromTOML import isNull map null removeAttrs throw toString true;
    inherit (refused) derivation derivationStrict fetchGit fetchMercurial fetchTarball fetchTree placeholder scopedImport;
  };
  scope = underscored // plain // {
    __nixPath = [ ];
    __findFile = _: name: throw "<${name}> is not available in agent.nix: there are no channels; lib and pkgs are arguments of the file";
  };

  load = path:
    let
      real = existing "import" path;
      file = if host.pathExists (real + "/default.nix") then real + "/default.nix" else real;
    in
    host.scopedImport scope file;
in
{
  builtins = allowed;
  inherit inTree load;
}
