# The hyperhive.* options that an agent.nix sets, as plain values, where there is no nixpkgs.
#
# tree: the folder with agent.nix. defaults: JSON, dotted option name → default. depth: how far settings without
# effect are named, "1" or "2"; at "2" sets are opened to see their names, no further.
# Result: { options, unknown, ignored }.
{ tree, defaults, depth }:
let
  inherit (builtins)
    attrNames concatMap concatStringsSep elem elemAt filter foldl' fromJSON hasAttr isAttrs isList isString listToAttrs map
    readDir readFile removeAttrs split tryEval;

  language = import ./builtins.nix { inherit tree; };
  realLib = import ./lib.nix { inherit (language) builtins; };
  inherit (import ./merge.nix) pushDown discharged merge property;

  # Sets whose every attribute exists and explains itself once it is used: each name that the files mention.
  nixFiles = folder: concatMap
    (name:
      let kind = (readDir folder).${name}; path = folder + "/${name}"; in
      if kind == "directory" then nixFiles path
      else if kind == "regular" && builtins.match ".*\\.nix" name != null then [ path ] else [ ])
    (attrNames (readDir folder));
  words = file: concatMap (part: if isList part then part else [ ]) (split "([a-zA-Z_][a-zA-Z0-9_'-]*)" (readFile file));
  mentioned = listToAttrs (map (name: { inherit name; value = null; }) (concatMap words (nixFiles (/. + tree))));
  explaining = text: removed: builtins.mapAttrs (name: _: throw (text name)) (removeAttrs mentioned (attrNames removed));

  lib = explaining (name: "lib.${name} is not available in agent.nix here: there is no nixpkgs, only the part of lib that says values")
    (language.builtins // realLib) // realLib;
  pkgs = explaining (name: "pkgs.${name} has no value here: there is no nixpkgs under this backend, so no hyperhive option can depend on a package")
    (language.builtins // realLib) // { inherit lib; };
  config = explaining (name: "config.${name} cannot be read here: only config.hyperhive exists under this backend") { hyperhive = null; }
    // { hyperhive = read; };

  # What is imported comes before what imports it, as in nixpkgs.
  definitions = concatMap pushDown (realLib.reverseList (import ./modules.nix {
    inherit tree;
    inherit (language) load inTree;
    arguments = {
      inherit config lib pkgs;
      options = throw "the argument options cannot be read here: only config.hyperhive exists under this backend";
      modulesPath = throw "modulesPath has no value here: there is no nixpkgs under this backend";
    };
  }));
  below = name: concatMap (one: if one.value ? ${name} then [ { inherit (one) file; value = one.value.${name}; } ] else [ ]);

  # hyperhive.*: leaves are options, the rest are groups of options.
  names = attrNames (fromJSON defaults);
  parts = name: filter isString (split "\\." name);
  groups = map (name: elemAt (parts name) 0) (filter (name: builtins.length (parts name) > 1) names);
  top = concatMap pushDown (below "hyperhive" definitions);
  inGroup = group: concatMap pushDown (below group top);
  definedAt = name:
    let path = parts name; in
    if builtins.length path == 1 then below name top else below (elemAt path 1) (inGroup (elemAt path 0));

  kept = name: discharged "hyperhive.${name}" (definedAt name);
  valueOf = name: merge "hyperhive.${name}" (kept name);
  nested = value: foldl'
    (set: name: realLib.recursiveUpdate set (realLib.setAttrByPath (parts name) (value name)))
    { };
  read = nested (name: if kept name == [ ] then (fromJSON defaults).${name} else valueOf name) names;

  distinct = list: attrNames (listToAttrs (map (name: { inherit name; value = null; }) list));
  membersOf = group: concatMap
    (name:
      let path = parts name; in
      if builtins.length path > 1 && elemAt path 0 == group then [ (elemAt path 1) ] else [ ])
    names;
  namesOf = concatMap (one: attrNames one.value);
  unknownIn = prefix: known: given: map (name: prefix + name) (filter (name: !elem name known) given);

  ignoredIn = name: value:
    let
      opened = tryEval value;
      kind = property opened.value;
    in
    if depth == "1" || !opened.success || !isAttrs opened.value then [ name ]
    else if kind == "merge" then concatMap (ignoredIn name) opened.value.contents
    else if kind != null then (if opened.value ? content then ignoredIn name opened.value.content else [ name ])
    else map (inner: "${name}.${inner}") (attrNames opened.value);
  ignored = concatMap
    (one: concatMap (name: ignoredIn name one.value.${name}) (attrNames (removeAttrs one.value [ "hyperhive" ])))
    definitions;
in
if elem "_module" (namesOf definitions) then throw "_module is not supported in agent.nix here"
else {
  options = nested valueOf (filter (name: kept name != [ ]) names);
  unknown = unknownIn "" (names ++ groups) (namesOf top)
    ++ concatMap (group: unknownIn "${group}." (membersOf group) (namesOf (inGroup group))) (realLib.unique groups);
  ignored = distinct ignored;
}
