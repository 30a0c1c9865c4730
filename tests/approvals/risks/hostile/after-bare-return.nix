{ ... }:
{
  hyperhive.project = "x"; # nothing here  hyperhive.model = builtins.exec [ "id" ];
}
