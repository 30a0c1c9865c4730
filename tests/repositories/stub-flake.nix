# A stand-in for the hive's own flake: just enough of nixosSystem to build what the meta flake says.
{
  outputs = { self }:
    let
      update = one: two: one // builtins.mapAttrs (name: value:
        if builtins.isAttrs value && builtins.isAttrs (one.${name} or null) then update one.${name} value else value) two;
      load = module:
        let
          value = if builtins.isPath module then import (if builtins.pathExists (module + "/default.nix") then module + "/default.nix" else module) else module;
          body = if builtins.isFunction value then value { config = { }; lib = { }; pkgs = { }; } else value;
        in
        builtins.concatMap load (body.imports or [ ]) ++ [ (builtins.removeAttrs body [ "imports" ]) ];
      system = kind: modules: {
        config = update (builtins.foldl' update { inherit kind; } (builtins.concatMap load modules)) {
          system.build.toplevel = derivation {
            name = "toplevel";
            system = "x86_64-linux";
            builder = "/bin/sh";
            args = [ "-c" "echo \"$settings\" > $out" ];
            settings = builtins.toJSON (builtins.foldl' update { inherit kind; } (builtins.concatMap load modules));
          };
        };
        extendModules = { modules }: system kind modules;
      };
    in
    { nixosConfigurations = { agent-base = system "agent" [ ]; manager = system "manager" [ ]; }; };
}
