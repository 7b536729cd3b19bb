def write_report(report, output, docs):
    import json
    (output/"report.json").write_text(json.dumps(report, indent=2))
    for s in report["scenarios"]:
        print(s["title"])
        for n,r in s["results"].items(): print("   ", n, {k:(round(v,2) if not isinstance(v,list) else None) for k,v in r.items()})
