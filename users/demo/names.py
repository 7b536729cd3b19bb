"""Names and texts for generated users and organisations."""

from typing import Final

GIVEN: Final = (
    *("Aaliyah", "Adam", "Aiko", "Alejandro", "Amara", "Amina", "Ana", "Anders", "Anika", "Anton"),
    *("Astrid", "Ben", "Bianca", "Camille", "Carlos", "Chiara", "Chen", "Clara", "Dalia", "Daniel"),
    *("David", "Diego", "Elena", "Eleni", "Emil", "Emma", "Esra", "Eva", "Farid", "Fatima"),
    *("Felix", "Finn", "Freya", "Gabriel", "Greta", "Hana", "Hannah", "Hugo", "Ibrahim", "Ines"),
    *("Ingrid", "Isaac", "Ivan", "Jana", "Jonas", "Joseph", "Julia", "Kaito", "Karim", "Kofi"),
    *("Lars", "Laura", "Leila", "Lena", "Leo", "Liam", "Lin", "Linh", "Lucía", "Luis"),
    *("Magda", "Malik", "Marco", "Maria", "Mateo", "Maya", "Mei", "Mia", "Milan", "Mira"),
    *("Nadia", "Naomi", "Nia", "Nina", "Noah", "Nora", "Olga", "Oliver", "Omar", "Oscar"),
    *("Paula", "Pavel", "Petra", "Priya", "Rafael", "Rania", "Ravi", "Rosa", "Samir", "Sara"),
    *("Selin", "Sofia", "Sven", "Tariq", "Tomás", "Uma", "Vera", "Yara", "Yuki", "Zoé"),
)

FAMILY: Final = (
    *("Abbasi", "Adeyemi", "Ahmed", "Almeida", "Andersson", "Bauer", "Becker", "Bell", "Berg"),
    *("Bianchi", "Bonnet", "Brown", "Carter", "Castro", "Chen", "Cohen", "Costa", "Dahl", "Diaz"),
    *("Dubois", "Eriksen", "Fernández", "Fischer", "Fontaine", "Garcia", "Georgiou", "Gupta"),
    *("Haddad", "Hansen", "Hoffmann", "Horvat", "Hughes", "Ibarra", "Ito", "Ivanova", "Jansen"),
    *("Jensen", "Johnson", "Kaplan", "Kaya", "Keller", "Khan", "Kim", "Klein", "Kovács", "Kumar"),
    *("Lehmann", "Lindqvist", "Lopez", "Mancini", "Martin", "Mensah", "Meyer", "Moreau", "Müller"),
    *("Nakamura", "Nguyen", "Nielsen", "Novak", "Okafor", "Okoye", "Olsen", "Ortiz", "Osei"),
    *("Papadakis", "Park", "Patel", "Pereira", "Petrov", "Popescu", "Rahman", "Reyes", "Ricci"),
    *("Rossi", "Sanchez", "Sato", "Schmidt", "Schneider", "Sharma", "Silva", "Singh", "Smith"),
    *("Suzuki", "Takahashi", "Tanaka", "Torres", "Tran", "Vargas", "Vogel", "Wagner", "Walker"),
    *("Wang", "Weber", "Williams", "Wong", "Yamada", "Yılmaz", "Young", "Zhang", "Zimmermann"),
)

BIOS: Final = (
    "Builds things that keep running.",
    "Here for the people, stays for the data.",
    "Runs long distances and short meetings.",
    "Teaches in the evenings, ships during the day.",
    "Collects old maps and new languages.",
    "Makes complicated things look easy, sometimes the reverse.",
    "Gardener of forms, tables and tomatoes.",
    "Answers questions that start with “could we just”.",
)

REASONS: Final = (
    "Sent unwanted advertising to other members.",
    "Left the organisation.",
    "Asked for a break.",
    "Account was shared by several people.",
)

TOKENS: Final = ("Backup script", "Calendar sync", "Command line", "Dashboard", "Spreadsheet")

# Permissions of other applications, by the group that holds them.
GROUPS: Final = {
    "Auditors": ("billing.view_invoice", "support.view_ticket"),
    "Editors": ("website.change_article", "website.publish_article"),
    "Engineering": ("website.view_statistics",),
    "Moderators": ("support.view_ticket", "website.hide_comment"),
    "Support": ("billing.view_invoice", "support.answer_ticket", "support.view_ticket"),
}

USER_AGENTS: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/18.5 Safari/605.1.15"
    ),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
        "Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
    ),
    (
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/138.0.0.0 Mobile Safari/537.36"
    ),
    (
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/138.0.0.0 Safari/537.36"
    ),
)

PLACES: Final = (
    *("Alder", "Amber", "Arctic", "Blue", "Cedar", "Copper", "Coral", "Delta", "Ember", "Fjord"),
    *("Granite", "Harbour", "Juniper", "Lantern", "Maple", "Meridian", "North", "Orchard", "River"),
    *("Saffron", "Silver", "Summit", "Tidal", "Willow"),
)

TRADES: Final = (
    *("Analytics", "Books", "Clinic", "Collective", "Energy", "Foods", "Foundation", "Freight"),
    *("Insurance", "Labs", "Logistics", "Media", "Museum", "Press", "School", "Studio", "Systems"),
    *("Theatre", "Travel", "Works"),
)

TIME_ZONES: Final = (
    *("Africa/Lagos", "America/New_York", "America/Sao_Paulo", "Asia/Kolkata", "Asia/Tokyo"),
    *("Australia/Sydney", "Europe/Berlin", "Europe/London", "Europe/Madrid", "UTC"),
)
